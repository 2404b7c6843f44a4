-- $1 worker, $2 job, $3 attempt, $4 {"index": {...}}: what changed of its steps
with told as (
	update attempt set steps = steps || $4::jsonb
	where job_id = $2::bigint and number = $3::bigint and worker_id = $1::bigint
	returning job_id, run_id)
update job j set changed = pg_current_xact_id() from told where j.id = told.job_id returning j.run_id as run
