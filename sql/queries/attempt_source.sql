-- $1 job, $2 attempt, $3 token. What a worker may fetch: the commit of an attempt that it holds.
select r.repository_id, coalesce(nullif(j.commit, ''), r.commit) as commit, a.run_id
from attempt a join worker w on w.id = a.worker_id join run r on r.id = a.run_id
	join job j on j.id = a.job_id
where a.job_id = $1 and a.number = $2 and w.token_id = $3 and a.state <> 'ended'
