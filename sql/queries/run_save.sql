-- The guard of the aggregate: $1 run, $2 the version that was loaded. $3 state, $4 ending, $5 reason, $6 waiting_for, $7 has_warnings,
-- $8 started_at, $9 ended_at
with saved as (
	update run set version = version + 1, state = $3::text, ending = $4::text, reason = $5::text, waiting_for = $6::text,
		waiting_since = case when $6::text = '' then null
			when split_part($6::text, ':', 1) = split_part(waiting_for, ':', 1) then waiting_since else now() end,
		has_warnings = $7::boolean, started_at = $8::timestamptz, ended_at = $9::timestamptz, changed = pg_current_xact_id()
	where id = $1::bigint and version = $2::bigint
	returning 1)
select expect_rows((select count(*) from saved), 1, 'run ' || $1::bigint)
