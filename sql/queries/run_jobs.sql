-- $1 run
select id, key, state, attempt, retries, allow_failure, reason, exit_code, message, outputs, cancel_reason, queued_at, started_at,
	ended_at
from job where run_id = $1 order by position
