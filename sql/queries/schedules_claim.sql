-- $1 at most so many. What a killed coordinator had in hand comes back after a while.
with picked as (
	select s.id from schedule s join repository r on r.id = s.repository_id
	where s.look_at <= now() and r.removed_at is null order by s.look_at limit $1::bigint for update of s skip locked)
update schedule s set look_at = now() + interval '5 s' from picked where s.id = picked.id
returning s.id, s.cron, s.time_zone, s.due_at, now() as now
