-- $1 lane. Its open requests, oldest first.
select id, run_id as run, priority, cancels, state, coalesce(epoch, 0) as epoch from lane_request
where lane_id = $1 and state in ('waiting', 'granted', 'revoked') order by id
