-- $1 worker, $2 jobs, $3 attempts, $4 {"index": {...}} of each: what is known of its steps now. No attempt comes twice.
with changed as (
	update attempt a set steps = a.steps || t.steps::jsonb
	from unnest($2::bigint[], $3::bigint[], $4::text[]) as t(job, number, steps)
	where a.job_id = t.job and a.number = t.number and a.worker_id = $1::bigint
	returning a.job_id)
update job j set changed = pg_current_xact_id() from changed c where j.id = c.job_id
returning j.run_id as run
