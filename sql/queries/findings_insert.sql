-- $1 worker, $2 job, $3 attempt, $4 ended_at of the result that tells them, $5 findings, $6 test reports. Only behind a result that
-- was taken in the same transaction, and once: a result may be told twice.
with taken as (
	select a.run_id, a.job_id, a.number from attempt a
	where a.job_id = $2::bigint and a.number = $3::bigint and a.worker_id = $1::bigint and a.state = 'ended' and not a.is_applied
		and a.ended_at = $4::timestamptz
		and not exists (select from finding f where f.job_id = a.job_id and f.attempt = a.number)
		and not exists (select from test_report t where t.job_id = a.job_id and t.attempt = a.number)),
tests as (
	insert into test_report (run_id, job_id, attempt, report, tests, failures, errors, skipped, duration_ms, faults)
	select k.run_id, k.job_id, k.number, t.report, coalesce(t.tests, 0), coalesce(t.failures, 0), coalesce(t.errors, 0),
		coalesce(t.skipped, 0), coalesce(t.duration_ms, 0), coalesce(t.faults, '[]')
	from taken k, jsonb_to_recordset($6::jsonb) as t(report text, tests integer, failures integer, errors integer, skipped integer,
		duration_ms bigint, faults jsonb))
insert into finding (run_id, job_id, attempt, rule, tool, report, level, path, line, col, commit, message, help, fingerprint, allowed)
select k.run_id, k.job_id, k.number, f.rule, coalesce(f.tool, ''), coalesce(f.report, ''), f.level, coalesce(f.path, ''),
	coalesce(f.line, 0), coalesce(f."column", 0), coalesce(f.commit, ''), f.message, coalesce(f.help, ''),
	coalesce(f.fingerprint, ''), coalesce(f.allowed, '')
from taken k, jsonb_to_recordset($5::jsonb) as f(rule text, tool text, report text, level text, path text, line integer, "column" integer,
	commit text, message text, help text, fingerprint text, allowed text)
