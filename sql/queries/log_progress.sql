-- $1 job, $2 attempt
select a.state as attempt_state, j.state as job_state, a.reason, a.log_bytes from attempt a join job j on j.id = a.job_id
where a.job_id = $1 and a.number = $2
