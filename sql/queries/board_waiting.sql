-- $1 service ("": all), $2 environment ("": all). Who is at a gate, in a lane or before it, oldest first.
select s.service, s.environment, p.name || '#' || r.number as run, s.name as stage, s.state, s.version, r.commit, r.waiting_for, r.waiting_since,
	coalesce(o.reason, '') as override,
	exists (select from wave w where w.stage_id = s.id and w.state = 'baking' and w.asked_at is not null) as is_asked, s.alarms, r.created_at
from stage s join run r on r.id = s.run_id join repository p on p.id = r.repository_id left join freeze_override o on o.stage_id = s.id
where s.kind = 'environment' and s.state in ('gated', 'queued', 'running')
	and ($1::text = '' or s.service = $1::text) and ($2::text = '' or s.environment = $2::text)
order by r.id
