-- $1 run, $2 reason, $3 account. Its stage that deploys next or now passes what is closed; the run is looked at anew. No row: it has none.
with current as materialized (
	select s.id, s.name, s.environment, p.name || '#' || r.number as run
	from stage s join run r on r.id = s.run_id join repository p on p.id = r.repository_id
	where s.run_id = $1::bigint and s.kind = 'environment' and s.state in ('blocked', 'gated', 'queued', 'running')
	order by s.position limit 1),
made as (
	insert into freeze_override as o (stage_id, reason, account_id) select id, $2::text, $3::bigint from current
	on conflict (stage_id) do update set reason = excluded.reason, account_id = excluded.account_id, placed_at = now()
	returning stage_id),
seen as (
	update run set version = version + 1, changed = pg_current_xact_id() where id = $1::bigint and exists (select from made)),
told as (
	insert into audit (actor, action, object, body)
	select a.name, 'freeze.override', c.run, jsonb_build_object('stage', c.name, 'environment', c.environment, 'reason', $2::text)
	from current c, account a where a.id = $3::bigint)
select c.run, c.name as stage, c.environment from current c, made
