-- $1 run. Attempts that ended and that the engine has not seen.
select job_id as job, number as attempt, reason, coalesce(exit_code, 0) as exit_code, message, outputs, started_at, ended_at
from attempt where run_id = $1 and state = 'ended' and not is_applied
order by job_id, number
