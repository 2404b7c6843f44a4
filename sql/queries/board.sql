-- $1 service ("": all), $2 environment ("": all). What runs where: a row for each target of each environment and each service that was
-- ever deployed to the environment, with the deployment that is under way there. Each looks one deployment up by its index: how long the
-- history is makes no difference.
with coming as materialized (
	select d.service_id, d.target_id, d.state, v.name as version, p.name || '#' || r.number as run
	from deployment d join version v on v.id = d.version_id join run r on r.id = d.run_id join repository p on p.id = r.repository_id
	where d.state in ('pending', 'running', 'verifying', 'unknown'))
select s.name as service, e.name as environment, e.position, t.name as target, coalesce(v.name, '') as version,
	coalesce(v.commit, '') as commit, coalesce(p.name || '#' || r.number, '') as run, coalesce(r.actor, '') as actor,
	coalesce(l.state, '') as state, l.ended_at as since, coalesce(q.id, 0) as quarantine_id, coalesce(q.reason, '') as quarantine,
	coalesce(c.run, '') as coming_run, coalesce(c.version, '') as coming_version, coalesce(c.state, '') as coming_state,
	coalesce(f.run, '') as failed_run, coalesce(f.version, '') as failed_version, coalesce(g.alarms, '{}') as alarms,
	coalesce((select x.body from page x join alarm_state a on a.name = x.alarm and a.state <> 'ok' -- of the way back that brought it, or did not come so far
		where x.run_id = l.run_id or x.quarantine_id = q.id order by x.id desc limit 1), '') as alert,
	case when q.id is not null then coalesce((
		select case when w.state = 'failed' then w.reason end from trigger w
		where w.about_run_id = l.run_id and w.inputs->>'environment' = e.name and w.inputs->>'service' = s.name
		order by w.id desc limit 1), '') else '' end as no_way_back,
	case -- what was asked before the version came, or while one comes, says nothing about it
		when o.sampled_at is null or v.id is null or c.run is not null or o.sampled_at < l.ended_at then ''
		when o.version = '' then 'unknown'
		when o.version = v.name then 'same'
		else 'drifted' end as report,
	x.expires_at, coalesce(x.tries, 0) as teardown_tries,
	coalesce(o.version, '') as reported, coalesce(o.problem, '') as report_problem, o.sampled_at as reported_at,
	case when o.version <> '' and o.version <> v.name then o.differs_since end as differs_since
from environment e join target t on t.environment_id = e.id and t.removed_at is null
join service s on s.removed_at is null and exists (
	select from target o where o.environment_id = e.id and exists (
		select from deployment d where d.service_id = s.id and d.target_id = o.id))
left join lateral (
	select * from (
		select d.version_id, d.run_id, d.stage_id, d.state, d.ended_at, d.is_teardown from deployment d
		where d.service_id = s.id and d.target_id = t.id and d.state in ('live', 'rolled_back') and d.started_at is not null
		order by d.id desc limit 1) last
	where not is_teardown) l on true
left join version v on v.id = l.version_id left join run r on r.id = l.run_id left join repository p on p.id = r.repository_id
left join stage g on g.id = l.stage_id
left join quarantine q on q.service_id = s.id and q.environment_id = e.id and q.version_id = l.version_id and q.released_at is null
left join target_report o on o.service_id = s.id and o.target_id = t.id
left join expiry x on x.service_id = s.id and x.environment_id = e.id and v.id is not null
left join coming c on c.service_id = s.id and c.target_id = t.id
left join lateral ( -- what was tried since, and may have left half of itself
	select fv.name as version, fp.name || '#' || fr.number as run from (
		select d.version_id, d.run_id, d.state, d.is_teardown from deployment d
		where d.service_id = s.id and d.target_id = t.id and d.state in ('live', 'rolled_back', 'failed') and d.started_at is not null
		order by d.id desc limit 1) last
	join version fv on fv.id = last.version_id join run fr on fr.id = last.run_id join repository fp on fp.id = fr.repository_id
	where last.state = 'failed' and not last.is_teardown) f on c.run is null
where e.removed_at is null and ($1::text = '' or s.name = $1::text) and ($2::text = '' or e.name = $2::text)
order by s.name, e.position, e.name, t.name
