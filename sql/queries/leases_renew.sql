-- $1 worker, $2 jobs, $3 attempts, $4 lease in ms. Answers those it still holds. A lease is written when a tenth of it has passed: syncs
-- are far more frequent.
with held as (select * from unnest($2::bigint[], $3::bigint[]) as h(job, number)),
renewed as (
	update attempt a set lease_until = now() + $4::bigint * interval '1 ms'
	from held h
	where a.job_id = h.job and a.number = h.number and a.worker_id = $1::bigint and a.state <> 'ended'
		and a.lease_until < now() + $4::bigint * interval '0.9 ms')
select a.job_id as job, a.number as attempt
from held h join attempt a on a.job_id = h.job and a.number = h.number
where a.worker_id = $1::bigint and a.state <> 'ended'
