-- $1 jobs, $2 attempts: of these the ones that are over, so that nobody goes on with their uploads
select u.job, u.attempt from unnest($1::bigint[], $2::bigint[]) as u(job, attempt)
where not exists (select from attempt a where a.job_id = u.job and a.number = u.attempt and a.state <> 'ended')
