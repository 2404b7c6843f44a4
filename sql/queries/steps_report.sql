-- $1 worker, $2 jobs, $3 attempts, $4 indices, $5 what is known of each step now; of two about one step the later counts.
with told as (
	select job, number, jsonb_object_agg(index, body::jsonb order by place) as steps
	from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[]) with ordinality as t(job, number, index, body, place)
	group by job, number),
changed as (
	update attempt a set steps = a.steps || t.steps from told t
	where a.job_id = t.job and a.number = t.number and a.worker_id = $1::bigint
	returning a.job_id)
update job j set changed = pg_current_xact_id() from changed c where j.id = c.job_id
returning j.run_id as run
