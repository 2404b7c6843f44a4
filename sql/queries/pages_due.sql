-- $1 environments that say something of their own, $2 after how many ms each, $3 who is told ("": nobody outside), $4 after how many ms
-- elsewhere. Ways back that ended so long ago, and the alarm that made them has never been ok since: people are called, once. One that is
-- unknown by now is not ok; one that was ok in between and fires again is another story.
with due as (
	select q.id, q.alarm, r.state as ended, s.name as service, e.name as environment, v.name as version, r.id as run_id, p.name || '#' || r.number as run,
		coalesce(w.url, '') as url, a.state, a.message, w.after_ms
	from quarantine q join service s on s.id = q.service_id join environment e on e.id = q.environment_id join version v on v.id = q.version_id
	join trigger t on t.dedup_key = 'rollback/' || q.id join run r on r.trigger_id = t.id and r.state in ('succeeded', 'failed', 'cancelled')
	join repository p on p.id = r.repository_id
	join alarm_state a on a.name = q.alarm and a.fired_at <= r.ended_at and not a.is_dry_run
	left join unnest($1::text[], $2::bigint[], $3::text[]) as w(environment, after_ms, url) on w.environment = e.name
	where q.alarm <> '' and q.released_at is null and not exists (select from page g where g.quarantine_id = q.id)
		and r.ended_at + coalesce(w.after_ms, $4::bigint) * interval '1 ms' <= now()
	for update of q skip locked),
said as (
	select d.*, format(case when ended = 'succeeded' then
			'the alarm "%s" has not cleared since %s brought %s in %s back from %s; it is %s%s. Nothing goes back a second time by itself.'
		else 'the alarm "%s" has not cleared, and %s, which was to bring %s in %s back from %s, has ' ||
			case ended when 'failed' then 'failed' else 'been cancelled' end || '; the alarm is %s%s. Nothing goes back a second time by itself.' end,
		alarm, run, service, environment, version, state, case when message <> '' then ': ' || message else '' end) as body
	from due d),
paged as (
	insert into page (quarantine_id, run_id, alarm, body) select id, run_id, alarm, body from said
	on conflict (quarantine_id) do nothing
	returning id, quarantine_id),
seen as (
	update run set changed = pg_current_xact_id() where id in (select s.run_id from said s join paged g on g.quarantine_id = s.id)),
noted as (
	insert into event (run_id, kind, body)
	select s.run_id, 'alarm.stays', jsonb_build_object('alarm', s.alarm, 'service', s.service, 'environment', s.environment, 'version', s.version,
		'text', s.body)
	from said s join paged g on g.quarantine_id = s.id),
kept as (
	insert into audit (actor, action, object, body)
	select 'penstock', 'alarm.page', s.run, jsonb_build_object('alarm', s.alarm, 'service', s.service, 'environment', s.environment, 'url', s.url)
	from said s join paged g on g.quarantine_id = s.id),
sent as (
	insert into outbox (kind, key, body)
	select 'page', 'page/' || g.id, jsonb_build_object('url', s.url, 'text', s.body, 'alarm', s.alarm, 'service', s.service,
		'environment', s.environment, 'version', s.version, 'run', s.run)
	from said s join paged g on g.quarantine_id = s.id where s.url <> '')
select s.run, s.alarm, s.environment from said s join paged g on g.quarantine_id = s.id
