-- Attempts whose worker went silent. One that deploys goes on until somebody says otherwise: its worker may be at it, and report late.
update attempt set state = 'ended', reason = 'worker_lost', ended_at = now(),
	message = 'its worker went silent for longer than the lease'
where state <> 'ended' and lease_until < now() and not (state = 'running' and exists (
	select from deployment d where d.job_id = attempt.job_id and d.state in ('pending', 'running', 'unknown')))
returning run_id as run
