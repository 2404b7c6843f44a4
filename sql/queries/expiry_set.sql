-- $1 service, $2 environment, $3 in so many ms from now (null: never), $4 who, $5 an operator. No row: nothing of it is deployed there. What
-- has no teardown steps, or was deployed to stay and is nobody's to take down who is no operator, is told of and left as it is.
with place as (
	select s.id as service_id, e.id as environment_id, max(l.run_id) as run_id,
		bool_and(coalesce(p.body, '{}') @@ format('exists($.stages[*] ? (@.environment == %s).delivery.teardown)', to_json(e.name))::jsonpath)
			as has_teardown,
		exists (select from expiry x where x.service_id = s.id and x.environment_id = e.id)
			or bool_or(coalesce(p.body, '{}') @@
				format('exists($.stages[*] ? (@.environment == %s).delivery.expires_ms)', to_json(e.name))::jsonpath) as expires
	from service s, environment e, target t, live l join run r on r.id = l.run_id left join plan p on p.id = r.plan_id
	where s.name = $1::text and e.name = $2::text and t.environment_id = e.id and l.service_id = s.id and l.target_id = t.id
	group by s.id, e.id),
may as (
	select * from place where $3::bigint is null or (has_teardown and (expires or $5::boolean))),
told as ( -- a teardown that was decided on and not begun is decided on anew
	update environment e set version = e.version + 1 from may p where e.id = p.environment_id),
noted as (
	insert into audit (actor, action, object, body)
	select $4::text, 'expire', $1::text || ' in ' || $2::text, jsonb_build_object('in_ms', $3::bigint) from may),
stays as (
	delete from expiry x using may p
	where x.service_id = p.service_id and x.environment_id = p.environment_id and $3::bigint is null),
set_ as (
	insert into expiry (service_id, environment_id, run_id, expires_at, next_at)
	select service_id, environment_id, run_id, at, at from may, lateral (select now() + $3::bigint * interval '1 ms' as at) t
	where $3::bigint is not null
	on conflict (service_id, environment_id) do update set expires_at = excluded.expires_at, next_at = excluded.next_at, tries = 0)
select s.name as service, e.name as environment, now() + $3::bigint * interval '1 ms' as expires_at,
	$3::bigint is null or has_teardown as has_teardown, $3::bigint is null or expires or $5::boolean as is_theirs
from place p join service s on s.id = p.service_id join environment e on e.id = p.environment_id
