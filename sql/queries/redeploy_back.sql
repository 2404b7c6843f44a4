-- $1 service, $2 environment, $3 the condemned version, $4 the version to go back to ("": the last good one of each target). Every target
-- that runs or was attempted with it, or with another one in quarantine, and the deployment that brought its last good version there (job 0:
-- there is none).
with tried as (
	select d.id, d.target_id, d.service_id, d.version_id, t.environment_id, w.position as wave, d.state
	from deployment d join service s on s.id = d.service_id join target t on t.id = d.target_id
	join environment e on e.id = t.environment_id join wave w on w.id = d.wave_id
	where s.name = $1::text and e.name = $2::text and d.state not in ('pending', 'superseded') and not d.is_teardown),
last as ( -- attempted, and running: while another version is on its way, the two differ
	(select distinct on (target_id) * from tried order by target_id, id desc)
	union
	(select distinct on (target_id) * from tried where state in ('live', 'rolled_back') order by target_id, id desc)),
condemned as (
	select distinct on (l.target_id) l.* from last l join version v on v.id = l.version_id
	where v.name = $3::text or exists (select from quarantine q where q.service_id = l.service_id
		and q.environment_id = l.environment_id and q.version_id = l.version_id and q.released_at is null)
	order by l.target_id, l.id desc)
select t.name as target, c.wave, coalesce(v.name, '') as version, coalesce(g.run_id, 0) as run, coalesce(r.number, 0) as run_number,
	coalesce(j.key, '') as job, coalesce(nullif(j.commit, ''), r.commit, '') as commit, coalesce(p.hash, '') as plan_hash
from condemned c join target t on t.id = c.target_id
left join lateral (
	select d.* from deployment d join version v on v.id = d.version_id
	where d.service_id = c.service_id and d.target_id = c.target_id and d.baked_at is not null and d.version_id <> c.version_id
		and ($4::text = '' or v.name = $4::text)
		and not exists (select from quarantine q join target qt on qt.id = d.target_id where q.service_id = d.service_id
			and q.environment_id = qt.environment_id and q.version_id = d.version_id and q.released_at is null)
	order by d.id desc limit 1) g on true
left join version v on v.id = g.version_id
left join run r on r.id = g.run_id
left join plan p on p.id = r.plan_id
left join job j on j.id = g.job_id
order by t.name
