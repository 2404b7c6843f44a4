-- $1 job, $2 attempt, $3 bytes that were sealed, $4 the blob, $5 its index. Guarded: once, and only a log that has not grown since.
with sealed as (
	update attempt set log_blob = $4::text, log_index = $5::jsonb
	where job_id = $1::bigint and number = $2::bigint and state = 'ended' and log_blob is null and log_bytes = $3::bigint
	returning 1)
select expect_rows((select count(*) from sealed), 1, 'the log of job ' || $1::bigint)
