-- $1 job, $2 attempt
select log_blob, log_index from attempt where job_id = $1 and number = $2 and log_blob is not null
