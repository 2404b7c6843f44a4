-- The slow tick: runs that somebody should look at, whoever lost the wake-up: unapplied ends, passed timers, lane news,
-- runs that were created or changed and not brought on.
select distinct run_id from attempt where state = 'ended' and not is_applied
union
select run_id from gate where state = 'open' and expires_at <= now()
union
select r.id from run r join stage s on s.run_id = r.id join gate g on g.stage_id = s.id -- granted, but not for earlier
where r.state in ('running', 'waiting') and s.state = 'gated' and g.state = 'granted'
union
select q.run_id from lane_request q join run r on r.id = q.run_id
where q.state in ('revoked', 'superseded', 'granted') and r.state in ('pending', 'running', 'waiting')
	and (q.state <> 'granted' or r.state <> 'running')
union
select id from run where state = 'pending' and concurrency_group = ''
union
select id from run where abandoned <> '' and state in ('pending', 'waiting')
union
select run_id from stage where kind = 'environment' and state in ('queued', 'running')
union
select r.id from run r join stage s on s.run_id = r.id -- next is what may have to be planned again, or was and nobody looked
where r.state in ('running', 'waiting') and s.kind = 'environment'
	and (s.state = 'blocked' or s.state = 'gated' and r.configuration_version < (select max(version) from configuration))
	and not exists (select from stage b where b.run_id = r.id and b.position < s.position
		and b.state in ('blocked', 'gated', 'queued', 'running'))
union
select s.run_id from stage s join run r on r.id = s.run_id -- people need not decide any more about a version that is condemned
join service v on v.name = s.service join version x on x.service_id = v.id and x.name = s.version
join quarantine q on q.service_id = v.id and q.version_id = x.id and q.released_at is null
join environment e on e.id = q.environment_id
where s.kind = 'environment' and s.state = 'gated' and (e.name = s.environment or q.created_at > r.created_at)
union
select s.run_id from stage s join run r on r.id = s.run_id -- it was, and nobody has taken that in
where (s.replanned <> '' or s.refused <> '') and r.state in ('running', 'waiting')
union
select s.run_id from stage s join lane l on l.kind = 'environment' and l.key = s.service || '@' || s.environment
where s.kind = 'environment' and s.state = 'gated'
	and (select true from lane_rival v where v.lane_id = l.id and v.run_id = s.run_id and v.has_entered and v.priority = 0
		and v.is_newer is not false limit 1) -- of this lane alone, which exists() would not say to the index
