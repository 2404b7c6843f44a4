-- $1 worker, $2 jobs, $3 attempts, $4 times, $5 profiles. Facts: they do not touch the run's version.
with told as (
	select * from unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $5::text[]) as t(job, number, at, profile)),
started as (
	update attempt a set state = 'running', started_at = t.at, profile = t.profile from told t
	where a.job_id = t.job and a.number = t.number and a.worker_id = $1::bigint and a.state = 'leased'
	returning a.job_id, a.number, a.started_at)
update job j set state = 'running', started_at = s.started_at, changed = pg_current_xact_id()
from started s where j.id = s.job_id and j.attempt = s.number and j.state = 'leased'
returning j.run_id as run
