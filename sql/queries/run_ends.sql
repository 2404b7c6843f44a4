-- $1 run. Attempts that ended and that the engine has not seen, and how workers left their jobs: facts move no version.
select e.job_id as job, e.number as attempt, e.reason, coalesce(e.exit_code, 0) as exit_code, e.message, e.outputs, e.started_at,
	e.ended_at, j.state as job_state, j.attempt as job_attempt
from attempt e join job j on j.id = e.job_id
where e.run_id = $1 and e.state = 'ended' and not e.is_applied
order by e.job_id, e.number
