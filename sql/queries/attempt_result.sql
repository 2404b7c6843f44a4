-- $1 worker, $2 job, $3 attempt, $4 reason, $5 exit code, $6 signal, $7 message, $8 outputs, $9 ended_at, $10 cpu_us, $11 memory_bytes,
-- $12 bytes of log that must be here, $13 artifacts [{path, size_bytes, sha256, mode, report}], $14 how long they are kept in ms
-- when the pipeline does not say (0: as long as their run), $15 {"index": {...}} of its steps, $16 when it started and $17 its profile, as
-- far as this sync tells (null: it was told before).
-- Answers: accepted, done (it was over already), log_missing, stale.
with ended as (
	update attempt set state = 'ended', steps = steps || $15::jsonb,
		started_at = coalesce(started_at, $16::timestamptz, case when $4::text = 'exit' then leased_at end),
		profile = case when $16::timestamptz is null then profile else $17::text end, reason = $4::text,
		exit_code = $5::bigint::integer, signal = nullif($6::bigint, 0)::integer,
		message = $7::text, outputs = $8::jsonb, ended_at = $9::timestamptz, cpu_us = $10::bigint, memory_bytes = $11::bigint
	where job_id = $2::bigint and number = $3::bigint and worker_id = $1::bigint and state <> 'ended' and log_bytes >= $12::bigint
	returning run_id, job_id, number),
artifacts as (
	insert into artifact (run_id, job_id, attempt, path, report, sha256, size_bytes, mode, expires_at)
	select e.run_id, e.job_id, e.number, a.path, coalesce(a.report, ''), a.sha256, b.size_bytes, coalesce(a.mode, 420),
		now() + coalesce(nullif(j.artifact_keep_ms, 0), nullif($14::bigint, 0)) * interval '1 ms'
	from ended e join job j on j.id = e.job_id,
		jsonb_to_recordset($13::jsonb) as a(path text, report text, sha256 text, mode integer) join blob b on b.sha256 = a.sha256
	on conflict do nothing)
select a.run_id as run,
	case when exists (select 1 from ended) then 'accepted'
		when a.worker_id <> $1::bigint then 'stale'
		when a.state = 'ended' then 'done'
		else 'log_missing' end as outcome
from attempt a where a.job_id = $2::bigint and a.number = $3::bigint
