-- $1 run, $2 service, $3 environment, $4 version, $5 reason, $6 account (null: nobody), $7 alarm ('': it failed). The version goes into quarantine there, and a
-- rollback is asked for, once.
with c as (
	select s.id as service_id, e.id as environment_id, version_of($2::text, $4::text, $1::bigint) as version_id, s.repository_id
	from service s, environment e where s.name = $2::text and e.name = $3::text),
held as (
	insert into quarantine (service_id, environment_id, version_id, reason, run_id, created_by, alarm)
	select service_id, environment_id, version_id, $5::text, $1::bigint, $6::bigint, $7::text from c
	on conflict (service_id, environment_id, version_id) where released_at is null do nothing
	returning id)
insert into trigger (repository_id, event, pipeline, ref, commit, actor, account_id, inputs, dedup_key, about_run_id)
select c.repository_id, 'rollback', r.pipeline, r.ref, r.commit, 'penstock', $6::bigint,
	jsonb_build_object('service', $2::text, 'environment', $3::text, 'version', $4::text, 'reason', $5::text),
	'rollback/' || held.id, r.id
from c, held, run r where r.id = $1::bigint
