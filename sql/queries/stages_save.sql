-- $1 ids, $2 states that were loaded, $3 states, $4 reasons, $5 started_at, $6 ended_at. Whoever decided over a stage has taken in that it was
-- planned again.
with wanted as (
	select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
		as w(id, was, state, reason, started_at, ended_at)),
saved as (
	update stage s set state = w.state, reason = w.reason, started_at = w.started_at, ended_at = w.ended_at, replanned = '',
		changed = pg_current_xact_id()
	from wanted w where s.id = w.id and s.state = w.was
	returning 1)
select expect_rows((select count(*) from saved), (select count(*) from wanted), 'stage')
