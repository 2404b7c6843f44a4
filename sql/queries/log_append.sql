-- $1 worker, $2 job, $3 attempt, $4 offset, $5 raw bytes, $6 lines, $7 frame. Taken only where the log ends: no gap, no double, by its own worker.
-- Answers the end of the log afterwards; -1: no such attempt.
with grown as (
	update attempt set log_bytes = log_bytes + $5::bigint, log_lines = log_lines + $6::bigint
	where job_id = $2::bigint and number = $3::bigint and worker_id = $1::bigint and log_bytes = $4::bigint and log_blob is null
	returning log_lines),
stored as (
	insert into log_frame (job_id, attempt, log_offset, first_line, raw_bytes, lines, data, at)
	select $2::bigint, $3::bigint, $4::bigint, log_lines - $6::bigint, $5::bigint, $6::bigint, $7::bytea, now() from grown)
select coalesce((select $4::bigint + $5::bigint from grown),
	(select log_bytes from attempt where job_id = $2::bigint and number = $3::bigint and worker_id = $1::bigint), -1) as log_end
