-- $1 run. Of a run with environment stages: its waves and deployments, and what stands outside of it and decides over the stage
-- that is next or under way, or may be tried again. No row for other runs.
with s as materialized (
	select id, position, service, environment, state, version, alarms from stage where run_id = $1::bigint and kind = 'environment'),
current as materialized (
	select * from s where state in ('blocked', 'gated', 'queued', 'running', 'failed') order by state = 'failed', position limit 1),
lane as materialized (
	select l.id, q.id as request, q.state, q.epoch, q.superseded_by
	from current c
	join lane l on l.kind = 'environment' and l.key = c.service || '@' || c.environment
	left join lateral (select * from lane_request q where q.stage_id = c.id order by q.id desc limit 1) q on true)
select jsonb_build_object(
	'stage', coalesce((select position from current), -1),
	'waves', (select coalesce(jsonb_agg(jsonb_build_object('id', w.id, 'stage', s.position, 'number', w.position, 'state', w.state,
			'held', w.held, 'started_at', us(w.started_at), 'baking_since', us(w.baking_since), 'bake_until', us(w.bake_until),
			'ended_at', us(w.ended_at)) order by s.position, w.position), '[]')
		from wave w join s on s.id = w.stage_id),
	'deployments', (select coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'job_id', d.job_id, 'wave_id', d.wave_id,
			'target', t.name, 'version', v.name, 'previous', coalesce(p.name, ''), 'state', d.state,
			'started_at', us(d.started_at), 'ended_at', us(d.ended_at), 'baked_at', us(d.baked_at)) order by d.id), '[]')
		from deployment d join target t on t.id = d.target_id join version v on v.id = d.version_id
		left join version p on p.id = d.previous_version_id
		where d.run_id = $1::bigint),
	'lane', (select jsonb_build_object('request', coalesce(request, 0), 'lane', id, 'state', coalesce(state, 'released'),
			'epoch', coalesce(epoch, 0),
			'holder', coalesce((select p.name || '#' || r.number from lane_request h join run r on r.id = h.run_id
				join repository p on p.id = r.repository_id
				where h.lane_id = lane.id and h.state in ('granted', 'revoked') and h.run_id <> $1::bigint), ''),
			'superseded_by', coalesce((select p.name || '#' || r.number from run r join repository p on p.id = r.repository_id
				where r.id = lane.superseded_by), '')) from lane),
	'newer', coalesce((select p.name || '#' || r.number from lane join lane_request n on n.lane_id = lane.id
			join run r on r.id = n.run_id join repository p on p.id = r.repository_id
			where n.run_id > $1::bigint and n.granted_at is not null and n.priority = 0 order by n.id desc limit 1), ''),
	'expires_at', coalesce((select us(x.expires_at) from current c join service v on v.name = c.service
			join environment e on e.name = c.environment
			join expiry x on x.service_id = v.id and x.environment_id = e.id), 0),
	'quarantined', coalesce((select q.reason from current c join service v on v.name = c.service
			join environment e on e.name = c.environment
			join quarantine q on q.service_id = v.id and q.environment_id = e.id and q.released_at is null
			join version x on x.id = q.version_id
			join run r on r.id = $1::bigint
			where (x.name = c.version or (x.commit = r.commit and c.version <> '')) limit 1), ''),
	'overrides_freeze', exists (select from current c join freeze_override o on o.stage_id = c.id),
	'alarms', coalesce((select jsonb_agg(jsonb_build_object('name', w.name, 'state', coalesce(a.state, 'unknown'),
			'message', coalesce(a.message, 'it was never sampled'), 'since', us(coalesce(a.fired_at, a.since)),
			'points', (select count(*) from alarm_sample p where p.alarm = w.name and p.outcome in ('fine', 'breach') and p.at >= (
				select max(v.baking_since) from wave v where v.stage_id = c.id and v.state = 'baking'))) order by w.position)
		from current c, unnest(c.alarms) with ordinality as w(name, position) left join alarm_state a on a.name = w.name
		where not coalesce(a.is_dry_run, false)), '[]'))
where exists (select from s)
