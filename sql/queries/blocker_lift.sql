-- $1 id, $2 reason, $3 account. No row: it does not stand.
with lifted as (
	update blocker set lifted_by = $3::bigint, lifted_at = now(), lift_reason = $2::text
	where id = $1::bigint and lifted_at is null returning *),
told as (
	insert into audit (actor, action, object, body)
	select a.name, 'line.lift', 'stop ' || l.id,
		jsonb_build_object('service', l.service, 'environment', l.environment, 'reason', l.lift_reason)
	from lifted l, account a where a.id = $3::bigint)
select b.id, b.service, b.environment, b.reason, coalesce(a.name, '') as placed_by, b.placed_at, l.name as lifted_by, b.lifted_at,
	b.lift_reason
from lifted b left join account a on a.id = b.placed_by join account l on l.id = b.lifted_by
