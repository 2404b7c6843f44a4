-- $1 run
select g.id, s.position as stage, g.state, g.stage_hash, g.reason, g.opened_at, g.expires_at, g.decided_at
from gate g join stage s on s.id = g.stage_id
where g.run_id = $1 order by g.id
