-- $1 gate, $2 state that was loaded, $3 state, $4 reason, $5 decided_at
with saved as (
	update gate set state = $3::text, reason = $4::text, decided_at = $5::timestamptz, changed = pg_current_xact_id()
	where id = $1::bigint and state = $2::text
	returning 1)
select expect_rows((select count(*) from saved), 1, 'gate ' || $1::bigint)
