-- $1 names, $2 how long to wait for each sample in ms, $3 at most so many. Alarms whose next sample is due, each for one server, whatever
-- their number; what a killed one had in hand comes back after that wait. A script that runs is waited for.
with wanted as (
	select * from unnest($1::text[], $2::bigint[]) as w(name, wait_ms)),
made as (
	insert into timer (kind, key, due_at) select 'alarm', name, now() from wanted
	where not exists (select from timer t where t.kind = 'alarm' and t.key = name) on conflict (kind, key) do nothing),
picked as (
	select t.key, w.wait_ms from wanted w join timer t on t.kind = 'alarm' and t.key = w.name
	where t.due_at <= now() and not exists (select from alarm_run a where a.alarm = t.key)
	order by t.due_at limit $3::bigint for update of t skip locked)
update timer t set due_at = now() + p.wait_ms * interval '1 ms' from picked p where t.kind = 'alarm' and t.key = p.key
returning t.key as name, now() as now
