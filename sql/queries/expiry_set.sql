-- $1 service, $2 environment, $3 in so many ms from now (null: never), $4 who. No row: nothing of it is deployed there.
with place as (
	select s.id as service_id, e.id as environment_id, max(l.run_id) as run_id
	from service s, environment e, target t, live l
	where s.name = $1::text and e.name = $2::text and t.environment_id = e.id and l.service_id = s.id and l.target_id = t.id
	group by s.id, e.id),
noted as (
	insert into audit (actor, action, object, body)
	select $4::text, 'expire', $1::text || ' in ' || $2::text, jsonb_build_object('in_ms', $3::bigint) from place),
stays as (
	delete from expiry x using place p
	where x.service_id = p.service_id and x.environment_id = p.environment_id and $3::bigint is null),
set_ as (
	insert into expiry (service_id, environment_id, run_id, expires_at, next_at)
	select service_id, environment_id, run_id, at, at from place, lateral (select now() + $3::bigint * interval '1 ms' as at) t
	where $3::bigint is not null
	on conflict (service_id, environment_id) do update set expires_at = excluded.expires_at, next_at = excluded.next_at, tries = 0)
select s.name as service, e.name as environment, now() + $3::bigint * interval '1 ms' as expires_at
from place p join service s on s.id = p.service_id join environment e on e.id = p.environment_id
