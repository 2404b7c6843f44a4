-- $1 names, $2 at most so many. Alarms whose next sample is due, each for one server, whatever their number; what a killed one had in hand
-- comes back after a while. A script that runs is waited for.
with made as (
	insert into timer (kind, key, due_at) select 'alarm', name, now() from unnest($1::text[]) as name
	where not exists (select from timer t where t.kind = 'alarm' and t.key = name) on conflict (kind, key) do nothing),
picked as (
	select t.key from timer t where t.kind = 'alarm' and t.key = any($1::text[]) and t.due_at <= now()
		and not exists (select from alarm_run a where a.alarm = t.key)
	order by t.due_at limit $2::bigint for update of t skip locked)
update timer t set due_at = now() + interval '1 min' from picked p where t.kind = 'alarm' and t.key = p.key
returning t.key as name, now() as now
