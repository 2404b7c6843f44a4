-- $1 ids, $2 states that were loaded, $3 states, $4 epochs, $5 superseding runs (0: none).
with wanted as (
	select * from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) as w(id, was, state, epoch, superseded_by)),
saved as (
	update lane_request q set state = w.state, epoch = nullif(w.epoch, 0), superseded_by = nullif(w.superseded_by, 0),
		granted_at = case when w.state = 'granted' then now() else q.granted_at end
	from wanted w where q.id = w.id and q.state = w.was
	returning 1)
select expect_rows((select count(*) from saved), (select count(*) from wanted), 'lane request')
