-- $1 job, $2 attempt, $3 step, $4 owner, $5 commit. Before it is pushed; no row: it is no longer to be.
update gitops_change c set commits = c.commits || $5::text
from attempt a join job j on j.id = a.job_id
where c.job_id = $1::bigint and c.attempt = $2::bigint and c.step = $3::bigint and c.owner = $4::text and c.state = 'open'
	and a.job_id = c.job_id and a.number = c.attempt and a.state <> 'ended' and j.cancel_reason is null
returning 1
