-- $1 stage, $2 why it may not be entered any more
with saved as (
	update stage set refused = $2::text, changed = pg_current_xact_id() where id = $1::bigint and state in ('blocked', 'gated', 'queued')
	returning 1)
select expect_rows((select count(*) from saved), 1, 'stage ' || $1::bigint)
