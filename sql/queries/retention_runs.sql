-- $1 keep in ms, $2 newest runs that are spared, $3 at most so many looked at, behind $4 ended_at, $5 run. Everything of a run goes with it.
with seen as materialized (
	select id, ended_at from run
	where ended_at < now() - $1::bigint * interval '1 ms' and (ended_at, id) > (coalesce($4::timestamptz, '-infinity'), $5::bigint)
	order by ended_at, id limit $3::bigint),
picked as materialized (
	select r.id from run r join seen on seen.id = r.id where run_may_go(r, $1::bigint * interval '1 ms', $2::bigint)
	for update of r skip locked),
frames as (
	delete from log_frame f using job j, picked where j.run_id = picked.id and f.job_id = j.id),
gone as (
	delete from run r using picked where r.id = picked.id returning r.trigger_id),
told as ( -- why it has none: what removes the trigger itself is another transaction, and may come much later
	update trigger set reason = 'its runs were removed' where id in (select trigger_id from gone))
select (select count(*) from gone) as removed, (select count(*) from seen) as seen,
	(select ended_at from seen order by ended_at desc, id desc limit 1) as ended_at, (select id from seen order by ended_at desc, id desc limit 1) as run
