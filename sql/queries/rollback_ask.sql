-- $1 service, $2 environment, $3 the version to go back to ("": the last good one of each target), $4 reason, $5 account, $6 who,
-- $7 how long in ms nobody else takes the trigger. The version that was deployed last goes into quarantine there; where a way back did that,
-- and ended before it had brought every target back, it is the version of those. No row: nothing is deployed, it was taken down, or
-- the configuration has dropped the place.
with newest as (
	select d.id, d.run_id
	from deployment d join service s on s.id = d.service_id join target t on t.id = d.target_id
	join environment e on e.id = t.environment_id
	where s.name = $1::text and e.name = $2::text and e.removed_at is null and t.removed_at is null
		and d.state not in ('pending', 'superseded')
	order by d.id desc limit 1),
coming as (
	select from trigger t where t.event = 'rollback' and t.state = 'pending' and t.inputs->>'service' = $1::text
		and t.inputs->>'environment' = $2::text
	union all
	select from run r join stage s on s.run_id = r.id
	where r.kind = 'rollback' and r.state in ('pending', 'running', 'waiting') and s.service = $1::text and s.environment = $2::text),
behind as (
	select l.deployment_id as id from newest n join run r on r.id = n.run_id and r.kind = 'rollback', left_behind($1::text, $2::text, '') l
	where not exists (select from coming)
	order by l.deployment_id desc limit 1),
last as (
	select d.service_id, t.environment_id, d.version_id, v.name as version, d.run_id, s.repository_id
	from deployment d join service s on s.id = d.service_id join target t on t.id = d.target_id join version v on v.id = d.version_id
	where d.id = coalesce((select id from behind), (select id from newest)) and not d.is_teardown),
held as (
	insert into quarantine (service_id, environment_id, version_id, reason, run_id, created_by)
	select service_id, environment_id, version_id, $4::text, run_id, $5::bigint from last
	on conflict (service_id, environment_id, version_id) where released_at is null do update set reason = quarantine.reason
	returning id),
noted as (
	insert into audit (actor, action, object, body)
	select $6::text, 'rollback', $1::text || ' in ' || $2::text, jsonb_build_object('version', version, 'to', $3::text, 'reason', $4::text)
	from last)
insert into trigger (repository_id, event, pipeline, ref, commit, actor, account_id, inputs, next_at, about_run_id)
select l.repository_id, 'rollback', r.pipeline, r.ref, r.commit, $6::text, $5::bigint,
	jsonb_build_object('service', $1::text, 'environment', $2::text, 'version', l.version, 'to', $3::text, 'reason', $4::text),
	now() + $7::bigint * interval '1 ms', r.id
from last l, held, run r where r.id = l.run_id
returning id, repository_id
