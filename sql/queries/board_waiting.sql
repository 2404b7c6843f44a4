-- Who is at a gate, in a lane or before it, oldest first.
select s.service, s.environment, p.name || '#' || r.number as run, s.state, s.version, r.waiting_for, r.created_at
from stage s join run r on r.id = s.run_id join repository p on p.id = r.repository_id
where s.kind = 'environment' and s.state in ('gated', 'queued', 'running')
order by r.id
