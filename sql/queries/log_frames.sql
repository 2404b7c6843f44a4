-- $1 job, $2 attempt, $3 from this raw offset
select raw_bytes, data from log_frame where job_id = $1 and attempt = $2 and log_offset >= $3 order by log_offset limit 16
