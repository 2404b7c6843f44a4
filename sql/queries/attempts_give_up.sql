-- $1 jobs, $2 attempts whose workers went silent, and for which nobody waits any more: whoever comes back is told so. Raises when one has
-- reported meanwhile.
with ended as (
	update attempt a set state = 'ended', reason = 'worker_lost', ended_at = now(), is_applied = true,
		message = 'its worker went silent for longer than the lease'
	from unnest($1::bigint[], $2::bigint[]) as g(job, number)
	where a.job_id = g.job and a.number = g.number and a.state <> 'ended'
	returning 1)
select expect_rows((select count(*) from ended), cardinality($1::bigint[]), 'attempt')
