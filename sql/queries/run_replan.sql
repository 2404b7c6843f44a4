-- The guard of a run one of whose stages was planned again: $1 run, $2 the version that was decided on, $3 version of the configuration,
-- $4 hash of its plan from now on ("": it stays)
with saved as (
	update run set version = version + 1, configuration_version = $3::bigint,
		plan_id = case when $4::text = '' then plan_id else plan_of($4::text) end,
		replanned = case when $4::text = '' then replanned else pg_current_xact_id() end, changed = pg_current_xact_id()
	where id = $1::bigint and version = $2::bigint and state in ('running', 'waiting')
	returning 1)
select expect_rows((select count(*) from saved), 1, 'run ' || $1::bigint)
