-- $1 name, $2 version as loaded (0: there was none), $3 definition, $4 state, $5 since, $6 pending since, $7 fired at, $8 sampled at,
-- $9 misses, $10 outcome, $11 value, $12 message, $13 dry run, $14 look at. Raises when somebody else was first. Without a sample ($10 null)
-- what the last one said stays.
with saved as (
	insert into alarm_state as s (name, definition, state, since, pending_since, fired_at, sampled_at, misses, outcome, value, message,
		is_dry_run, look_at)
	values ($1::text, $3::text, $4::text, $5::timestamptz, $6::timestamptz, $7::timestamptz, $8::timestamptz, $9::integer,
		coalesce($10::text, ''), $11::double precision, coalesce($12::text, ''), $13::boolean, $14::timestamptz)
	on conflict (name) do update set definition = excluded.definition, state = excluded.state, since = excluded.since,
		pending_since = excluded.pending_since, fired_at = excluded.fired_at, sampled_at = excluded.sampled_at,
		misses = excluded.misses, is_dry_run = excluded.is_dry_run, look_at = excluded.look_at,
		outcome = coalesce($10::text, s.outcome),
		value = case when $10::text is null then s.value else excluded.value end,
		message = coalesce($12::text, s.message), version = s.version + 1, changed = pg_current_xact_id()
	where s.version = $2::bigint returning 1)
select expect_rows((select count(*) from saved), 1, 'alarm ' || $1::text)
