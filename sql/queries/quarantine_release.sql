-- $1 id, $2 account, $3 who, $4 reason
with released as (
	update quarantine set released_at = now(), released_by = $2::bigint, release_reason = $4::text
	where id = $1::bigint and released_at is null returning id, service_id, version_id),
noted as (
	insert into audit (actor, action, object, body)
	select $3::text, 'quarantine.release', s.name || ' ' || v.name, jsonb_build_object('reason', $4::text)
	from released q join service s on s.id = q.service_id join version v on v.id = q.version_id)
select id from released
