-- $1 job, $2 attempt, $3 step, $4 owner, $5 answer
update gitops_change set state = 'over', answer = $5::jsonb
where job_id = $1::bigint and attempt = $2::bigint and step = $3::bigint and owner = $4::text and state = 'open'
returning 1
