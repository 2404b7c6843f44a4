-- $1 run. Its latest request for its concurrency group, and who is inside.
select q.id as request, q.lane_id, q.state,
	coalesce((select p.name || '#' || r.number from lane_request h join run r on r.id = h.run_id
		join repository p on p.id = r.repository_id
		where h.lane_id = q.lane_id and h.state in ('granted', 'revoked') and h.run_id <> $1), '') as holder,
	coalesce((select p.name || '#' || r.number from run r join repository p on p.id = r.repository_id
		where r.id = q.superseded_by), '') as superseded_by
from lane_request q join lane l on l.id = q.lane_id
where q.run_id = $1 and l.kind = 'group'
order by q.id desc limit 1
