-- $1 run. An artifact that a job tried again might need, and that was removed.
select f.path, f.removed_at from artifact f join job j on j.id = f.job_id and j.attempt = f.attempt
where f.run_id = $1 and f.removed_at is not null and f.report = '' limit 1
