-- What runs where: a row for each target of each environment and each service that was ever deployed to the environment.
select s.name as service, e.name as environment, e.position, t.name as target, coalesce(v.name, '') as version,
	coalesce(p.name || '#' || r.number, '') as run, coalesce(r.actor, '') as actor, coalesce(l.state, '') as state, l.since,
	coalesce(q.reason, '') as quarantine
from environment e join target t on t.environment_id = e.id and t.removed_at is null
join service s on s.removed_at is null and exists (
	select from deployment d join target o on o.id = d.target_id where d.service_id = s.id and o.environment_id = e.id)
left join live l on l.service_id = s.id and l.target_id = t.id
left join version v on v.id = l.version_id left join run r on r.id = l.run_id left join repository p on p.id = r.repository_id
left join quarantine q on q.service_id = s.id and q.environment_id = e.id and q.version_id = l.version_id and q.released_at is null
where e.removed_at is null
order by s.name, e.position, e.name, t.name
