-- $1 jobs, $2 attempts. Claims whose worker went away before it heard of them: the number stays used, nobody is blamed. Of a job that
-- was asked to end meanwhile, the end is left for the engine to take in.
with held as (
	select j.id, w.number, j.cancel_reason is null as goes_on
	from unnest($1::bigint[], $2::bigint[]) as w(job, number) join job j on j.id = w.job
	for update of j),
gone as (
	update attempt a set state = 'ended', is_applied = held.goes_on, reason = 'worker_lost', ended_at = now(),
		message = 'never reached its worker'
	from held where a.job_id = held.id and a.number = held.number and a.state = 'leased'
	returning a.job_id, a.number)
update job j set state = 'queued', worker_id = null, changed = pg_current_xact_id()
from gone where j.id = gone.job_id and j.attempt = gone.number and j.state = 'leased' and j.cancel_reason is null
