-- $1 repository, $2 the forge's id, $3 event, $4 body, $5 state, $6 problem, $7 digest of the body, or null. No row: it was here before. One
-- that failed is tried once more when its forge sends it again: a person has mended what was in the way, and pressed "redeliver".
with again as (
	update delivery set state = 'stored', tries = 0, next_at = now(), problem = ''
	where repository_id = $1 and (delivery_key = $2 or digest = $7::bytea) and state = 'failed' returning id),
made as (
	insert into delivery (repository_id, delivery_key, event, body, state, problem, digest)
	values ($1, $2, $3, $4::jsonb, $5, $6, $7::bytea)
	on conflict do nothing returning id)
select id from made union all select id from again
