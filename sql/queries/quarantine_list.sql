-- What must not be deployed where, newest first.
select q.id, s.name as service, e.name as environment, v.name as version, q.reason, coalesce(p.name || '#' || r.number, '') as run,
	coalesce(a.name, '') as placed_by, q.created_at as placed_at, q.fixed_commit, q.fixed_reason
from quarantine q join service s on s.id = q.service_id join environment e on e.id = q.environment_id join version v on v.id = q.version_id
left join run r on r.id = q.run_id left join repository p on p.id = r.repository_id left join account a on a.id = q.created_by
where q.released_at is null order by q.id desc
