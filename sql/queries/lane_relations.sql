-- $1 lane. Of those who wait for it, where it takes the newest: whose commit contains whose, as far as anybody has looked.
select v.run_id as newer, v.rival_id as older, v.contains is not null as is_known
from lane_request q join lane_rival v on v.lane_id = q.lane_id and v.run_id = q.run_id and v.state = 'waiting'
where q.lane_id = $1 and q.state = 'waiting' and q.priority between 0 and 100 and v.contains is not false
order by 1, 2
