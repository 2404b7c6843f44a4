-- $1 id, $2 repository of the run, $3 its number, $4 account, $5 who, $6 reason. The run's commit mends it: what contains that commit may be
-- deployed. No row: there is no such quarantine any more, or no such run of the service's repository.
with here as (
	select q.id, q.service_id, q.version_id, r.commit
	from quarantine q join service s on s.id = q.service_id
	join run r on r.repository_id = s.repository_id and r.number = $3::bigint join repository p on p.id = r.repository_id and p.name = $2::text
	where q.id = $1::bigint and q.released_at is null),
marked as (
	update quarantine q set fixed_commit = h.commit, fixed_reason = $6::text, fixed_by = $4::bigint from here h where q.id = h.id),
noted as (
	insert into audit (actor, action, object, body)
	select $5::text, 'quarantine.fixed', s.name || ' ' || v.name, jsonb_build_object('reason', $6::text, 'commit', h.commit)
	from here h join service s on s.id = h.service_id join version v on v.id = h.version_id)
select commit from here
