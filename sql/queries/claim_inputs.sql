-- $1 runs. Artifacts of the attempts that count.
select a.run_id as run, j.key, a.path, a.sha256, a.size_bytes, a.mode
from artifact a join job j on j.id = a.job_id and j.attempt = a.attempt
where a.run_id = any($1::bigint[]) and a.report = '' and a.removed_at is null
order by a.id
