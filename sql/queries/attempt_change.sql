-- $1 job, $2 attempt, $3 token. What the policies of an attempt that a worker holds look at.
select r.repository_id, case when r.head_commit = '' then r.commit else r.head_commit end as commit,
	case when r.base_commit = '' then r.before else r.base_commit end as before, p.default_branch, r.branch,
	r.event = 'push' as is_push
from attempt a join worker w on w.id = a.worker_id join run r on r.id = a.run_id join repository p on p.id = r.repository_id
where a.job_id = $1 and a.number = $2 and w.token_id = $3 and a.state <> 'ended'
