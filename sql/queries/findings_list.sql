-- $1 run. Of the attempts that count; what stands against the change first.
select f.id, j.id as job_id, j.key as job, f.attempt, f.rule, f.tool, f.report, f.level, f.path, f.line, f.col as "column", f.commit,
	f.message, f.help, f.fingerprint, f.allowed
from finding f join job j on j.id = f.job_id and j.attempt = f.attempt where f.run_id = $1
order by f.allowed <> '', array_position(array['error', 'warning', 'note'], f.level), j.position, f.id
