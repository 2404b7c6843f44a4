-- $1 alarm, $2 repository. Behind run_create.sql in its transaction: the run that it made is this alarm's, outside of the repository's count
-- and of lists.
with counted as (
	update repository set run_count = run_count - 1 where id = $2::bigint returning run_count + 1 as number),
hidden as (
	update run r set number = -r.id from counted c where r.repository_id = $2::bigint and r.number = c.number returning r.id)
insert into alarm_run (alarm, run_id, begun_at) select $1::text, id, now() from hidden returning run_id
