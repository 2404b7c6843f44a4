-- $1 keep in ms, $2 at most so many of each: what came in and became no run that is still there, plans that no run has, messages sent.
with plans as (
	delete from plan where id in (
		select id from plan p where not exists (select from run r where r.plan_id = p.id) limit $2::bigint for update skip locked)
	returning 1),
triggers as (
	delete from trigger where id in (
		select id from trigger t where created_at < now() - $1::bigint * interval '1 ms' and state <> 'pending'
			and not exists (select from run r where r.trigger_id = t.id)
		order by created_at limit $2::bigint for update skip locked)
	returning 1),
deliveries as (
	delete from delivery where id in (
		select id from delivery d where received_at < now() - $1::bigint * interval '1 ms' and state <> 'stored'
			and not exists (select from trigger t where t.delivery_id = d.id)
		order by received_at limit $2::bigint for update skip locked)
	returning 1),
messages as (
	delete from outbox where id in (
		select id from outbox where sent_at < now() - $1::bigint * interval '1 ms' order by sent_at limit $2::bigint for update skip locked)
	returning 1)
select (select count(*) from plans) + (select count(*) from triggers) + (select count(*) from deliveries) + (select count(*) from messages)
	as removed
