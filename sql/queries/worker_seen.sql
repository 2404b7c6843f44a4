-- $1 worker, $2 instance. Answers its state; no row: another process has taken its name. A busy worker syncs hundreds of times a
-- second: each write of its one row would wait for the commit of the sync before it.
with seen as (
	update worker set seen_at = now(), state = case when state = 'offline' then 'online' else state end
	where id = $1::bigint and instance = $2::text and (state = 'offline' or seen_at < now() - interval '1 s')
	returning state)
select coalesce((select state from seen), state) as state from worker where id = $1::bigint and instance = $2::text
