-- $1 run, $2 [{id, was, state, started_at, ended_at, baked_at, stage_id, wave_id, job_id, service, environment, target, version}]; id 0: it
-- begins now. A new one needs its lane, and a version that nobody condemned here, unless it is a rollback or a teardown.
with wanted as (
	select * from jsonb_to_recordset($2::jsonb)
		as w(id bigint, was text, state text, started_at bigint, ended_at bigint, baked_at bigint, stage_id bigint, wave_id bigint,
			job_id bigint, service text, environment text, target text, version text)),
saved as (
	update deployment d set state = w.state, started_at = at_us(w.started_at), ended_at = at_us(w.ended_at),
		baked_at = at_us(w.baked_at), changed = pg_current_xact_id()
	from wanted w where w.id > 0 and d.id = w.id and d.state = w.was
	returning d.stage_id),
made as (
	insert into deployment (run_id, stage_id, wave_id, service_id, target_id, version_id, previous_version_id, job_id, state, lane_epoch,
		started_at, ended_at, baked_at, is_teardown)
	select $1::bigint, w.stage_id, w.wave_id, s.id, t.id, v.id,
		(select l.version_id from live l where l.service_id = s.id and l.target_id = t.id), w.job_id, w.state, q.epoch,
		at_us(w.started_at), at_us(w.ended_at), at_us(w.baked_at), q.priority < 0
	from wanted w
	join service s on s.name = w.service
	join environment e on e.name = w.environment
	join target t on t.environment_id = e.id and t.name = w.target
	cross join lateral (select version_of(w.service, w.version, $1::bigint) as id) v -- made by this very statement, perhaps
	join lane_request q on q.stage_id = w.stage_id and q.state in ('granted', 'revoked')
	where w.id = 0 and (q.priority >= 200 or q.priority < 0 or not exists (select from quarantine c where c.service_id = s.id and c.environment_id = e.id
		and c.version_id = v.id and c.released_at is null))
	returning stage_id),
shown as ( -- with its stage
	update stage s set changed = pg_current_xact_id()
	where s.id in (select stage_id from saved union select stage_id from made))
select expect_rows((select count(*) from saved) + (select count(*) from made), (select count(*) from wanted), 'deployment')
