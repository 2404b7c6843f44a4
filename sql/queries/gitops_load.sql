-- $1 job, $2 attempt, $3 step, $4 token, $5 owner
select c.state = 'over' as is_over, c.owner = $5::text as is_mine, c.commits, c.answer, j.key, r.id as run, r.number, p.id as source,
	p.name as repository, p.default_branch, r.commit, l.hash as plan_hash, r.branch, r.tag, r.is_fork, r.event, r.actor
from gitops_change c join attempt a on a.job_id = c.job_id and a.number = c.attempt join worker w on w.id = a.worker_id
	join job j on j.id = c.job_id join run r on r.id = j.run_id join repository p on p.id = r.repository_id join plan l on l.id = r.plan_id
where c.job_id = $1::bigint and c.attempt = $2::bigint and c.step = $3::bigint and w.token_id = $4::bigint and a.state <> 'ended'
