-- $1 job, $2 attempt, $3 from this raw offset: frames of about a MiB together.
select raw_bytes, data from (
	select log_offset, raw_bytes, data, sum(raw_bytes) over (order by log_offset) - raw_bytes as before from (
		select log_offset, raw_bytes, data from log_frame where job_id = $1 and attempt = $2 and log_offset >= $3
		order by log_offset limit 256) as next) as summed
where before < 1048576 order by log_offset
