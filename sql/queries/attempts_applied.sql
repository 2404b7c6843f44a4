-- $1 jobs, $2 numbers
with wanted as (select * from unnest($1::bigint[], $2::bigint[]) as w(job_id, number)),
saved as (
	update attempt a set is_applied = true from wanted w
	where a.job_id = w.job_id and a.number = w.number and a.state = 'ended' and not a.is_applied
	returning 1)
select expect_rows((select count(*) from saved), (select count(*) from wanted), 'attempt')
