-- $1 instance, $2 token. What a coordinator remembers of a worker's process.
select id, labels, profile from worker where instance = $1 and token_id = $2
