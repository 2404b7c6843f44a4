-- $1 worker, $2 jobs, $3 attempts, $4 lease in ms. Answers those it still holds.
update attempt a set lease_until = now() + $4::bigint * interval '1 ms'
from unnest($2::bigint[], $3::bigint[]) as h(job, number)
where a.job_id = h.job and a.number = h.number and a.worker_id = $1::bigint and a.state <> 'ended'
returning a.job_id as job, a.number as attempt
