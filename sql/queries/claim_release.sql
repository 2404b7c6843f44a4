-- $1 jobs, $2 attempts. Claims whose worker went away before it heard of them: the number stays used, nobody is blamed.
with gone as (
	update attempt a set state = 'ended', is_applied = true, reason = 'worker_lost', ended_at = now(), message = 'never reached its worker'
	from unnest($1::bigint[], $2::bigint[]) as w(job, number)
	where a.job_id = w.job and a.number = w.number and a.state = 'leased'
	returning a.job_id, a.number)
update job j set state = 'queued', worker_id = null, changed = pg_current_xact_id()
from gone where j.id = gone.job_id and j.attempt = gone.number and j.state = 'leased' and j.cancel_reason is null
