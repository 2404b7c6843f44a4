-- $1 run, $2 service, $3 environment, $4 in so many ms from now (0: what it brings there stays). It begins to deploy there.
with place as (
	select s.id as service_id, e.id as environment_id from service s, environment e where s.name = $2::text and e.name = $3::text),
stays as (
	delete from expiry x using place p
	where x.service_id = p.service_id and x.environment_id = p.environment_id and $4::bigint = 0)
insert into expiry (service_id, environment_id, run_id, expires_at, next_at)
select service_id, environment_id, $1::bigint, at, at from place, lateral (select now() + $4::bigint * interval '1 ms' as at) t
where $4::bigint > 0
on conflict (service_id, environment_id) do update set run_id = excluded.run_id, expires_at = excluded.expires_at,
	next_at = excluded.next_at, tries = 0
