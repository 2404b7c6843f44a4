-- $1 service or '', $2 environment or '', $3 reason, $4 account. No row: there is no such service.
with made as (
	insert into blocker (service, environment, reason, placed_by)
	select $1::text, $2::text, $3::text, $4::bigint
	where $1::text = '' or exists (select from service s where s.name = $1::text and s.removed_at is null)
	returning id, placed_at),
told as (
	insert into audit (actor, action, object, body)
	select a.name, 'line.stop', 'stop ' || m.id, jsonb_build_object('service', $1::text, 'environment', $2::text, 'reason', $3::text)
	from made m, account a where a.id = $4::bigint)
select m.id, $1::text as service, $2::text as environment, $3::text as reason, a.name as placed_by, m.placed_at, '' as lifted_by,
	null::timestamptz as lifted_at, '' as lift_reason
from made m, account a where a.id = $4::bigint
