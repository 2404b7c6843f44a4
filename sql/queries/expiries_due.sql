-- $1 at most so many. What is past its time, and not being deployed to: a teardown is asked for; again after a while, until one succeeds.
with due as (
	select x.* from expiry x join service s on s.id = x.service_id join environment e on e.id = x.environment_id
	where x.next_at <= now() and not exists (
		select from lane l join lane_request q on q.lane_id = l.id and q.state in ('waiting', 'granted', 'revoked')
		where l.kind = 'environment' and l.key = s.name || '@' || e.name)
	order by x.next_at limit $1::bigint for update of x skip locked),
tried as (
	update expiry x set tries = x.tries + 1, next_at = now() + least(interval '6 hours', interval '1 minute' * 4 ^ least(x.tries, 6))
	from due d where x.service_id = d.service_id and x.environment_id = d.environment_id
	returning x.*)
insert into trigger (repository_id, event, pipeline, ref, commit, actor, inputs, dedup_key)
select s.repository_id, 'teardown', r.pipeline, r.ref, r.commit, 'penstock',
	jsonb_build_object('service', s.name, 'environment', e.name, 'version', ''),
	'teardown/' || s.name || '@' || e.name || '/' || t.run_id || '/' || us(t.expires_at) || '/' || t.tries
from tried t join service s on s.id = t.service_id join environment e on e.id = t.environment_id join run r on r.id = t.run_id
