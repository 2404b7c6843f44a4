-- $1 run. Of the attempts that count.
select t.id, j.id as job_id, j.key as job, t.attempt, t.report, t.tests, t.failures, t.errors, t.skipped, t.duration_ms, t.faults
from test_report t join job j on j.id = t.job_id and j.attempt = t.attempt where t.run_id = $1
order by j.position, t.id
