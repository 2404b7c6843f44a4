-- $1 run. Whatever it holds or waits for in its concurrency group; the lane itself grants the next one.
update lane_request q set state = 'released', released_at = now()
from lane l where l.id = q.lane_id and l.kind = 'group' and q.run_id = $1 and q.state in ('waiting', 'granted', 'revoked')
returning q.lane_id
