-- $1 service, $2 environment. Every target that something was deployed to since it was last taken down, and how.
with last as (
	select distinct on (d.target_id) d.*
	from deployment d join service s on s.id = d.service_id join target t on t.id = d.target_id
	join environment e on e.id = t.environment_id
	where s.name = $1::text and e.name = $2::text and not d.is_teardown and d.state not in ('pending', 'superseded')
	order by d.target_id, d.id desc)
select t.name as target, 1 as wave, v.name as version, d.run_id as run, r.number as run_number, coalesce(j.key, '') as job,
	coalesce(nullif(j.commit, ''), r.commit) as commit, coalesce(p.hash, '') as plan_hash
from last d join target t on t.id = d.target_id and t.removed_at is null
join version v on v.id = d.version_id join run r on r.id = d.run_id
left join plan p on p.id = r.plan_id left join job j on j.id = d.job_id
where not exists (select from deployment n where n.service_id = d.service_id and n.target_id = d.target_id and n.is_teardown
	and n.state = 'live' and n.id > d.id)
order by t.name
