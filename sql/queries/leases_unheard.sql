-- $1 worker, $2 instance, $3 jobs, $4 attempts that it holds. Leases whose answer never reached it end now.
update attempt a set lease_until = now()
where a.worker_id = $1::bigint and a.instance = $2::text and a.state = 'leased' and a.leased_at < now() - interval '20 s'
	and not exists (select 1 from unnest($3::bigint[], $4::bigint[]) as h(job, number)
		where h.job = a.job_id and h.number = a.number)
