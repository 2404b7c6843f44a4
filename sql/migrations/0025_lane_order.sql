-- Who is newer in a lane that takes the newest: of two runs the one whose commit contains the other's; where neither does, the one with
-- the higher number.
create index lane_request_granted on lane_request (lane_id, granted_at) where granted_at is not null;

-- For each run, whoever waits for such a lane or has entered it since the run was made; null: nobody has compared them. Somebody chose what a
-- run of "deploy" brings, so its commit says nothing; ways back and down have no place in this order.
create view lane_rival as
select n.lane_id, m.id as run_id, n.id as request_id, n.run_id as rival_id, n.priority, n.state, n.granted_at is not null as has_entered,
	m.commit, r.commit as rival_commit, p.name || '#' || r.number as rival, c.is_comparable,
	x.contains, y.is_contained, y.is_contained or (n.run_id > m.id and not x.contains) as is_newer
from run m cross join lateral (
	select w.* from lane_request w where w.state = 'waiting' and w.run_id <> m.id
	union all
	select e.* from lane_request e where e.granted_at >= m.created_at and e.run_id <> m.id) n
join lane l on l.id = n.lane_id and l.kind = 'environment' and l.mode = 'newest'
join run r on r.id = n.run_id
join repository p on p.id = r.repository_id
cross join lateral (
	select r.repository_id = m.repository_id and r.commit <> m.commit and r.event <> 'deploy'
		and m.event not in ('deploy', 'rollback', 'teardown') as is_comparable) c
cross join lateral (
	select case when c.is_comparable then (select f.is_contained from commit_relation f where f.repository_id = m.repository_id
		and f.newer = m.commit and f.older = r.commit and not f.by_patch) else false end as contains) x
cross join lateral (
	select case when c.is_comparable then (select f.is_contained from commit_relation f where f.repository_id = m.repository_id
		and f.newer = r.commit and f.older = m.commit and not f.by_patch) else false end as is_contained) y
where n.priority between 0 and 100;
