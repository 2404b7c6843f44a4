-- $1 service, $2 environment, $3 version, $4 account, $5 who, $6 how long in ms nobody else takes the trigger. No row: there is no such
-- service or environment.
with noted as (
	insert into audit (actor, action, object, body)
	select $5::text, 'deploy', $1::text || ' to ' || $2::text, jsonb_build_object('version', $3::text)
	from service s, environment e
	where s.name = $1::text and s.removed_at is null and e.name = $2::text and e.removed_at is null)
insert into trigger (repository_id, event, ref, commit, actor, account_id, inputs, next_at)
select s.repository_id, 'deploy', coalesce(r.ref, ''), coalesce(r.commit, ''), $5::text, $4::bigint,
	jsonb_build_object('service', $1::text, 'environment', $2::text, 'version', $3::text), now() + $6::bigint * interval '1 ms'
from service s join environment e on e.name = $2::text and e.removed_at is null
left join version v on v.service_id = s.id and v.name = $3::text left join run r on r.id = v.run_id
where s.name = $1::text and s.removed_at is null
returning id, repository_id
