-- $1 run. Of a run with environment stages: its waves and deployments, and what stands outside of it and decides over the stage
-- that is next or under way, or may be tried again. No row for other runs.
with s as materialized (
	select id, position, service, environment, state, version, alarms from stage where run_id = $1::bigint and kind = 'environment'),
current as materialized (
	select * from s where state in ('blocked', 'gated', 'queued', 'running', 'failed') order by state = 'failed', position limit 1),
lane as materialized (
	select l.id, l.version, q.id as request, q.state, q.epoch, q.superseded_by
	from current c
	join lane l on l.kind = 'environment' and l.key = c.service || '@' || c.environment
	left join lateral (select * from lane_request q where q.stage_id = c.id order by q.id desc limit 1) q on true),
me as materialized (
	select r.repository_id, r.commit from run r where r.id = $1::bigint),
running as materialized ( -- there, of this service
	select l.*, v.commit, v.name as version, p.name || '#' || r.number as run,
		exists (select from lane_request q where q.stage_id = l.stage_id and q.priority = 100) as is_hotfix
	from current c join service s on s.name = c.service join environment e on e.name = c.environment
	join target t on t.environment_id = e.id and t.removed_at is null
	cross join lateral (
		select * from (
			select d.version_id, d.run_id, d.stage_id, d.state, d.is_teardown from deployment d
			where d.service_id = s.id and d.target_id = t.id and d.state in ('live', 'rolled_back') and d.started_at is not null
			order by d.id desc limit 1) last
		where not is_teardown and state = 'live') l
	join version v on v.id = l.version_id join run r on r.id = l.run_id join repository p on p.id = r.repository_id),
rivals as materialized ( -- in its lane; whoever is inside asks nobody any more
	select v.* from current c, lane, lane_rival v
	where v.run_id = $1::bigint and v.lane_id = (select id from lane) -- which a join would not say to the index
		and c.state <> 'running' and (v.has_entered or coalesce(lane.state, '') not in ('granted', 'revoked'))),
overtaken as materialized ( -- a target where the stage is done, and somebody else has begun since
	select t.name as target, p.name || '#' || r.number as run
	from current c
	cross join lateral (
		select distinct on (d.job_id) d.* from deployment d join job j on j.id = d.job_id and j.state = 'succeeded'
		where d.stage_id = c.id order by d.job_id, d.id desc) d
	join target t on t.id = d.target_id
	cross join lateral (
		select o.run_id from deployment o
		where o.service_id = d.service_id and o.target_id = d.target_id and o.id > d.id and o.run_id <> d.run_id and o.started_at is not null
		order by o.id desc limit 1) o
	join run r on r.id = o.run_id join repository p on p.id = r.repository_id
	order by d.id limit 1),
related as (
	select 'newer' as kind, running.commit as newer, me.commit as older, false as by_patch, run, '' as text, 0::bigint as quarantine
	from running, me where running.commit <> me.commit
	union
	select 'newer', r.commit, me.commit, false, p.name || '#' || r.number, '', 0
	from lane join lane_request h on h.lane_id = lane.id and h.state in ('granted', 'revoked') and h.run_id <> $1::bigint and h.priority >= 0
	join run r on r.id = h.run_id and r.kind = 'normal' join repository p on p.id = r.repository_id, me
	where r.commit <> me.commit
	union
	select 'hotfix', me.commit, running.commit, true, run, '', 0 from running, me where is_hotfix and running.commit <> me.commit
	union
	select 'condemned', me.commit, v.commit, false, v.name, q.reason, q.id
	from current c join service s on s.name = c.service join environment e on e.name = c.environment
	join quarantine q on q.service_id = s.id and q.environment_id = e.id and q.released_at is null
	join version v on v.id = q.version_id, me
	where v.commit <> me.commit and v.commit <> ''
	union
	select 'lane', commit, rival_commit, false, rival, '', 0 from rivals where is_comparable
	union
	select 'lane', rival_commit, commit, false, rival, '', 0 from rivals where is_comparable
	union
	select 'fixed', me.commit, q.fixed_commit, false, '', '', q.id
	from current c join service s on s.name = c.service join environment e on e.name = c.environment
	join quarantine q on q.service_id = s.id and q.environment_id = e.id and q.released_at is null and q.fixed_commit <> '', me)
select jsonb_build_object(
	'stage', coalesce((select position from current), -1),
	'environment_version', coalesce((select e.version from current c join environment e on e.name = c.environment), 0),
	'service_version', coalesce((select s.version from current c join service s on s.name = c.service), 0),
	'waves', (select coalesce(jsonb_agg(jsonb_build_object('id', w.id, 'stage', s.position, 'number', w.position, 'state', w.state,
			'held', w.held, 'started_at', us(w.started_at), 'baking_since', us(w.baking_since), 'bake_until', us(w.bake_until),
			'ended_at', us(w.ended_at), 'asked_at', us(w.asked_at), 'accepted', w.accepted) order by s.position, w.position), '[]')
		from wave w join s on s.id = w.stage_id),
	'deployments', (select coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'job_id', d.job_id, 'wave_id', d.wave_id,
			'target', t.name, 'version', v.name, 'previous', coalesce(p.name, ''), 'state', d.state,
			'started_at', us(d.started_at), 'ended_at', us(d.ended_at), 'baked_at', us(d.baked_at),
			'is_silent', exists (select from job j join attempt a on a.job_id = j.id and a.number = j.attempt
				where j.id = d.job_id and a.state = 'running' and a.lease_until < now())) order by d.id), '[]')
		from deployment d join target t on t.id = d.target_id join version v on v.id = d.version_id
		left join version p on p.id = d.previous_version_id
		where d.run_id = $1::bigint),
	'lane', (select jsonb_build_object('request', coalesce(request, 0), 'lane', id, 'version', version, 'state', coalesce(state, 'released'),
			'epoch', coalesce(epoch, 0),
			'holder', coalesce((select p.name || '#' || r.number from lane_request h join run r on r.id = h.run_id
				join repository p on p.id = r.repository_id
				where h.lane_id = lane.id and h.state in ('granted', 'revoked') and h.run_id <> $1::bigint), ''),
			'superseded_by', coalesce((select p.name || '#' || r.number from run r join repository p on p.id = r.repository_id
				where r.id = lane.superseded_by), '')) from lane),
	'newer', coalesce((select rival from rivals where has_entered and priority = 0 and is_newer order by request_id desc limit 1), ''),
	'expires_at', coalesce((select us(x.expires_at) from current c join service v on v.name = c.service
			join environment e on e.name = c.environment
			join expiry x on x.service_id = v.id and x.environment_id = e.id), 0),
	'quarantined', coalesce((select q.reason from current c join service v on v.name = c.service
			join environment e on e.name = c.environment
			join quarantine q on q.service_id = v.id and q.environment_id = e.id and q.released_at is null
			join version x on x.id = q.version_id
			join run r on r.id = $1::bigint
			where x.name = any(string_to_array(c.version, ', ')) -- a rollback may bring several, also of a condemned commit
				or (x.commit = r.commit and c.version <> '' and r.kind <> 'rollback') limit 1), ''),
	'condemned_elsewhere', coalesce((select e.name || ': ' || q.reason from current c join service v on v.name = c.service
			join quarantine q on q.service_id = v.id and q.released_at is null
			join environment e on e.id = q.environment_id and e.name <> c.environment
			join version x on x.id = q.version_id and x.name = c.version
			join run r on r.id = $1::bigint and r.event not in ('rollback', 'teardown') and q.created_at > r.created_at
			order by q.id limit 1), ''),
	'relations', (select coalesce(jsonb_agg(jsonb_build_object('kind', r.kind, 'newer', r.newer, 'older', r.older, 'by_patch', r.by_patch,
			'run', r.run, 'text', r.text, 'quarantine', r.quarantine,
			'holds', case when r.newer = r.older then 'yes' when f.is_contained then 'yes' when not f.is_contained then 'no' else '' end) order by r.kind, r.quarantine, r.newer, r.older), '[]')
		from related r left join commit_relation f on f.repository_id = (select repository_id from me) and f.newer = r.newer
			and f.older = r.older and f.by_patch = r.by_patch),
	'changes', (select coalesce(jsonb_agg(jsonb_build_object('base', l.commit, 'is_known', a.newer is not null,
			'authors', coalesce(to_jsonb(a.authors), '[]')) order by l.commit), '[]')
		from (select distinct running.commit from running, me where running.commit not in (me.commit, '')) l
		left join commit_authors a on a.repository_id = (select repository_id from me) and a.newer = (select commit from me)
			and a.older = l.commit),
	'occupied', (select coalesce(jsonb_agg(jsonb_build_object('target', t.name, 'service', o.name, 'run', p.name || '#' || r.number)), '[]')
		from current c join environment e on e.name = c.environment join target t on t.environment_id = e.id and t.is_exclusive
		join target_lock l on l.target_id = t.id join service o on o.id = l.service_id and o.name <> c.service
		join deployment d on d.id = l.deployment_id join run r on r.id = d.run_id join repository p on p.id = r.repository_id),
	'overtaken_by', coalesce((select run from overtaken), ''),
	'overtaken_at', coalesce((select target from overtaken), ''),
	'overrides_freeze', exists (select from current c join freeze_override o on o.stage_id = c.id),
	'alarms', coalesce((select jsonb_agg(jsonb_build_object('name', w.name, 'state', coalesce(a.state, 'unknown'),
			'message', coalesce(a.message, 'it was never sampled'), 'fired_at', us(a.fired_last_at), 'turn', coalesce(a.turn, 0),
			'points', (select count(*) from alarm_sample p where p.alarm = w.name and p.outcome in ('fine', 'breach') and p.at >= (
				select max(v.baking_since) from wave v where v.stage_id = c.id and v.state = 'baking'))) order by w.position)
		from current c, unnest(c.alarms) with ordinality as w(name, position) left join alarm_state a on a.name = w.name
		where not coalesce(a.is_dry_run, false)), '[]'))
where exists (select from s)
