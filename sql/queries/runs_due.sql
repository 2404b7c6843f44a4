-- The slow tick: runs that somebody should look at, whoever lost the wake-up: unapplied ends, passed timers, lane news,
-- runs that were created or changed and not brought on.
select distinct run_id from attempt where state = 'ended' and not is_applied
union
select run_id from gate where state = 'open' and expires_at <= now()
union
select q.run_id from lane_request q join run r on r.id = q.run_id
where q.state in ('revoked', 'superseded', 'granted') and r.state in ('pending', 'running', 'waiting')
	and (q.state <> 'granted' or r.state <> 'running')
union
select id from run where state = 'pending' and concurrency_group = ''
union
select id from run where abandoned <> '' and state in ('pending', 'waiting')
