-- $1 job, $2 attempt, $3 token, $4 sha256. An artifact of the run of an attempt that the worker holds.
select 1 from attempt a join worker w on w.id = a.worker_id join artifact f on f.run_id = a.run_id
where a.job_id = $1 and a.number = $2 and w.token_id = $3 and a.state <> 'ended' and f.sha256 = $4
