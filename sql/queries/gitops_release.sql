-- $1 job, $2 attempt, $3 step, $4 owner. Not made, and free for whoever asks next.
update gitops_change set claimed_until = now() - interval '1 s'
where job_id = $1::bigint and attempt = $2::bigint and step = $3::bigint and owner = $4::text and state = 'open'
