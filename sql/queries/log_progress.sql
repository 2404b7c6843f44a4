-- $1 job, $2 attempt. `state` is what became of the job by this attempt, also when the engine has not seen its end yet or a retry follows.
select a.state = 'ended' as is_ended,
	case when j.attempt = a.number and j.state in ('succeeded', 'failed', 'cancelled', 'lost') then j.state
		when a.reason = 'exit' and a.exit_code = 0 then 'succeeded'
		when a.reason = 'cancelled' then 'cancelled'
		when a.reason = 'worker_lost' then 'lost'
		else 'failed' end as state,
	a.reason, a.log_bytes, a.log_blob is not null as is_sealed
from attempt a join job j on j.id = a.job_id
where a.job_id = $1 and a.number = $2
