-- $1 run, $2 service, $3 environment, $4 version, $5 what people are told, $6 where ("": nowhere outside). Their message is written with what it
-- tells of, and once.
with r as (
	select r.id, p.name || '#' || r.number as run from run r join repository p on p.id = r.repository_id where r.id = $1::bigint),
noted as (
	insert into event (run_id, kind, body)
	select id, 'people.called', jsonb_build_object('service', $2::text, 'environment', $3::text, 'version', $4::text, 'text', $5::text) from r),
kept as (
	insert into audit (actor, action, object, body)
	select 'penstock', 'run.page', run, jsonb_build_object('service', $2::text, 'environment', $3::text, 'text', $5::text) from r)
insert into outbox (kind, key, body)
select 'page', format('run/%s/%s', id, md5($5::text)), jsonb_build_object('url', $6::text, 'text', $5::text, 'service', $2::text,
	'environment', $3::text, 'version', $4::text, 'run', run)
from r where $6::text <> ''
