-- $1 run
select f.id, j.key as job, f.path, f.report, f.size_bytes, coalesce(f.sha256, '') as sha256, f.created_at, f.expires_at, f.removed_at
from artifact f join job j on j.id = f.job_id and j.attempt = f.attempt where f.run_id = $1 order by j.position, f.path
