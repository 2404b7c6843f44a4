-- $1 at most so many. Scripts that are over, each for one server.
with picked as (
	select a.alarm, a.begun_at, r.id, r.state, r.number, r.repository_id from alarm_run a join run r on r.id = a.run_id
	where r.state not in ('pending', 'running', 'waiting') limit $1::bigint for update of a skip locked),
gone as (
	delete from alarm_run a using picked p where a.alarm = p.alarm)
select p.alarm, p.begun_at, n.name || '#' || p.number as run, p.state, coalesce(j.reason, '') as reason, coalesce(j.exit_code, 0) as exit_code,
	coalesce(j.message, '') as message
from picked p join repository n on n.id = p.repository_id left join job j on j.run_id = p.id
