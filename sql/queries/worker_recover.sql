-- $1 worker, $2 instance, $3 jobs, $4 attempts that it goes on reporting. All else that ran under its name is lost.
with kept as (
	update attempt a set instance = $2::text from unnest($3::bigint[], $4::bigint[]) as k(job, number)
	where a.job_id = k.job and a.number = k.number and a.worker_id = $1::bigint and a.state <> 'ended'
	returning a.job_id, a.number)
update attempt a set state = 'ended', reason = 'worker_lost', ended_at = now(), message = 'its worker was restarted'
where a.worker_id = $1::bigint and a.state <> 'ended' and a.instance <> $2::text
	and not exists (select 1 from kept where kept.job_id = a.job_id and kept.number = a.number)
returning a.run_id as run
