-- $1 job, $2 attempt
delete from log_frame where job_id = $1 and attempt = $2
