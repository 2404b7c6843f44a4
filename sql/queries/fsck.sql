-- $1 how many of the newest runs. Each row breaks an invariant. What one transaction changes is never seen half done; what takes a
-- second transaction, by a wake-up or the slow tick, is given a minute.
with late as (select now() - interval '1 min' as at),
looked as (select * from run order by id desc limit $1::bigint),
named as (select r.*, p.name || '#' || r.number as called from looked r join repository p on p.id = r.repository_id),
needs as materialized ( -- once: plans are large, and would be opened for each job
	select r.id as run_id, j ->> 'key' as key, n as need
	from looked r join plan l on l.id = r.plan_id, jsonb_array_elements(l.body -> 'stages') as s,
		jsonb_array_elements(coalesce(s -> 'jobs', '[]')) as j, jsonb_array_elements_text(coalesce(j -> 'needs', '[]')) as n)

select 'trigger_has_outcome' as invariant, format('trigger %s of %s (%s): %s', t.id, p.name, t.ref,
	case t.state when 'pending' then 'pending since ' || t.created_at else t.state || ' without a ' ||
		case t.state when 'done' then 'run' else 'reason' end end) as finding
from trigger t join repository p on p.id = t.repository_id, late
where (t.state = 'pending' and t.next_at < late.at) or (t.state in ('skipped', 'failed') and t.reason = '')
	or (t.state = 'done' and t.reason = '' and not exists (select from run r where r.trigger_id = t.id))
union all
select 'delivery_is_processed', format('delivery %s of repository %s: stored since %s', d.id, d.repository_id, d.received_at)
from delivery d, late where d.state = 'stored' and d.next_at < late.at
union all
select 'numbers_are_counted', format('repository %s counts %s runs, its highest is %s', p.name, p.run_count, max(r.number))
from looked r join repository p on p.id = r.repository_id group by p.id having max(r.number) > p.run_count
union all
select 'over_is_over', format('%s is %s, its stage "%s" is %s', r.called, r.state, s.name, s.state)
from named r join stage s on s.run_id = r.id
where r.state not in ('pending', 'running', 'waiting') and s.state in ('blocked', 'gated', 'queued', 'running')
union all
select 'over_is_over', format('%s is %s, its job %s is %s', r.called, r.state, j.key, j.state)
from named r join job j on j.run_id = r.id
where r.state not in ('pending', 'running', 'waiting') and j.state in ('blocked', 'queued', 'leased', 'running')
union all
select 'over_is_over', format('%s is %s, its gate %s is open', r.called, r.state, g.id)
from named r join gate g on g.run_id = r.id
where r.state not in ('pending', 'running', 'waiting') and g.state = 'open'
union all
select 'over_is_over', format('%s is %s and has %s', r.called, r.state, case when r.ended_at is null then 'no end' else 'an end' end)
from named r where (r.state in ('pending', 'running', 'waiting')) = (r.ended_at is not null)
union all
select 'run_goes_on', format('%s is %s, and all its stages have been over since %s', r.called, r.state, max(s.ended_at))
from named r join stage s on s.run_id = r.id, late
where r.state in ('pending', 'running', 'waiting')
group by r.id, r.called, r.state, late.at
having bool_and(s.state not in ('blocked', 'gated', 'queued', 'running')) and max(s.ended_at) < late.at
union all
select 'attempt_is_numbered', format('%s, job %s: attempt %s, and its latest row is %s', r.called, j.key, j.attempt, coalesce(max(a.number), 0))
from named r join job j on j.run_id = r.id left join attempt a on a.job_id = j.id
group by r.called, j.id having coalesce(max(a.number), 0) > j.attempt
union all
select 'attempt_is_held_once', format('%s, job %s is %s, its attempt %s is %s', r.called, j.key, j.state, a.number, a.state)
from named r join job j on j.run_id = r.id join attempt a on a.job_id = j.id
where a.state <> 'ended' and (j.state not in ('leased', 'running') or a.number <> j.attempt)
union all
select 'attempt_is_held_once', format('%s, job %s is %s, and nobody holds it', r.called, j.key, j.state)
from named r join job j on j.run_id = r.id, late
where j.state in ('leased', 'running') and not exists (select from attempt a where a.job_id = j.id and a.number = j.attempt
	and (a.state <> 'ended' or not a.is_applied))
union all
select 'end_is_applied', format('%s: the end of attempt %s of job %s has not been looked at since %s', r.called, a.number, j.key, a.ended_at)
from named r join job j on j.run_id = r.id join attempt a on a.job_id = j.id, late
where a.state = 'ended' and not a.is_applied and a.ended_at < late.at
union all
select 'lease_is_renewed', format('%s: attempt %s of job %s outlived its lease of %s', r.called, a.number, j.key, a.lease_until)
from named r join job j on j.run_id = r.id join attempt a on a.job_id = j.id, late
where a.state <> 'ended' and a.lease_until < late.at
	and not exists (select from deployment d where d.job_id = a.job_id and d.state in ('pending', 'running', 'unknown'))
union all
select 'needs_came_first', format('%s: job %s is %s, what it needs, %s, is %s', r.called, j.key, j.state, n.need, w.state)
from named r join needs n on n.run_id = r.id join job j on j.run_id = r.id and j.key = n.key
	join job w on w.run_id = r.id and w.key = n.need
where j.state not in ('blocked', 'skipped', 'cancelled') and w.state in ('blocked', 'queued', 'leased', 'running')
union all
select 'stage_came_first', format('%s: job %s is %s in stage "%s", which is %s', r.called, j.key, j.state, s.name, s.state)
from named r join stage s on s.run_id = r.id join job j on j.stage_id = s.id
where j.state in ('queued', 'leased', 'running') and s.state <> 'running'
	and not (s.kind = 'environment' and s.state in ('blocked', 'gated', 'queued') and j.wave_id is null) -- a preview
union all
select 'gate_came_first', format('%s: stage "%s" is %s, its gate is %s', r.called, s.name, s.state, g.state)
from named r join stage s on s.run_id = r.id
	join lateral (select state from gate where stage_id = s.id order by id desc limit 1) g on true
where (s.state in ('running', 'succeeded') or s.state = 'failed' and s.started_at is not null) -- a preview may fail before, while the gate is void
	and g.state <> 'granted'
union all
select 'gate_is_bound', format('%s: gate %s is for commit %s, the run for %s', r.called, g.id, g.commit, r.commit)
from named r join gate g on g.run_id = r.id where g.commit <> r.commit
union all
select 'gate_was_decided', format('%s: gate %s is %s without a decision', r.called, g.id, g.state)
from named r join gate g on g.run_id = r.id
where g.state in ('granted', 'refused') and not exists (select from decision d where d.gate_id = g.id)
union all
select 'lane_is_let_go', format('lane "%s" is held by %s, which is %s', l.key, r.called, r.state)
from lane_request q join lane l on l.id = q.lane_id join named r on r.id = q.run_id, late
where q.state in ('granted', 'revoked') and r.state not in ('pending', 'running', 'waiting') and r.ended_at < late.at
union all
select 'lane_goes_on', format('lane "%s" is free, and %s runs have waited for it since %s', l.key, count(*), min(q.requested_at))
from lane_request q join lane l on l.id = q.lane_id, late
where q.state = 'waiting' and not exists (select from lane_request h where h.lane_id = q.lane_id and h.state in ('granted', 'revoked'))
group by l.id, late.at having min(q.requested_at) < late.at
union all
select 'deployment_is_settled', format('%s: the deployment to %s is %s in stage "%s", which is %s', r.called, t.name, d.state, s.name, s.state)
from deployment d join named r on r.id = d.run_id join stage s on s.id = d.stage_id join target t on t.id = d.target_id
where d.state in ('pending', 'running', 'verifying', 'unknown') and s.state <> 'running'
union all
select 'deployment_holds_its_target', format('%s: the deployment to %s is %s and does not hold it', r.called, t.name, d.state)
from deployment d join named r on r.id = d.run_id join target t on t.id = d.target_id
where d.state in ('pending', 'running', 'verifying', 'unknown') and not exists (select from target_lock l where l.deployment_id = d.id)
union all
select 'target_is_let_go', format('%s: the deployment to %s is %s and still holds it', r.called, t.name, d.state)
from target_lock l join deployment d on d.id = l.deployment_id join named r on r.id = d.run_id join target t on t.id = d.target_id
where d.state not in ('pending', 'running', 'verifying', 'unknown')
union all
select 'deployment_has_its_lane', format('%s: the deployment to %s is %s outside of its lane', r.called, t.name, d.state)
from deployment d join named r on r.id = d.run_id join target t on t.id = d.target_id
where d.state in ('pending', 'running', 'verifying', 'unknown')
	and not exists (select from lane_request q where q.stage_id = d.stage_id and q.state in ('granted', 'revoked'))
union all
select 'waves_are_in_order', format('%s: wave %s of stage "%s" is %s, the one before it %s', r.called, w.position, s.name, w.state, b.state)
from wave w join stage s on s.id = w.stage_id join named r on r.id = s.run_id
	join wave b on b.stage_id = w.stage_id and b.position = w.position - 1
where w.state in ('deploying', 'verifying', 'baking', 'succeeded') and b.state <> 'succeeded'
union all
select 'quarantine_is_kept', format('%s deployed %s to %s, where it is in quarantine since %s', r.called, v.name, t.name, q.created_at)
from quarantine q join deployment d on d.service_id = q.service_id and d.version_id = q.version_id and d.started_at > q.created_at
	join target t on t.id = d.target_id and t.environment_id = q.environment_id join named r on r.id = d.run_id
	join version v on v.id = d.version_id join job j on j.id = d.job_id and j.queued_at > q.created_at -- not one that was on its way then
where d.started_at < coalesce(q.released_at, 'infinity') and not d.is_teardown
union all
select 'log_is_whole', format('%s: attempt %s of job %s has %s bytes of log, its frames hold %s', r.called, a.number, j.key, a.log_bytes,
	coalesce(f.bytes, 0))
from named r join job j on j.run_id = r.id join attempt a on a.job_id = j.id
	left join lateral (select sum(raw_bytes) as bytes from log_frame where job_id = a.job_id and attempt = a.number) f on true
where a.log_blob is null and a.log_bytes > 0 and coalesce(f.bytes, 0) <> a.log_bytes
