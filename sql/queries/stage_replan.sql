-- $1 stage that has not begun, $2 service, $3 alarms (with commas), $4 what is different ("": nothing that was asked about), $5 how many waves it
-- has from now on. Those that are too many still hold jobs: stage_waves_drop.sql
with saved as (
	update stage set service = $2::text, alarms = string_to_array($3::text, ','), replanned = $4::text, changed = pg_current_xact_id()
	where id = $1::bigint and state in ('blocked', 'gated', 'queued')
	returning 1),
waves as (
	insert into wave (stage_id, position, state) select $1::bigint, n, 'pending' from generate_series(1, $5::bigint) as n
	on conflict (stage_id, position) do nothing)
select expect_rows((select count(*) from saved), 1, 'stage ' || $1::bigint)
