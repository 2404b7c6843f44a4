-- $1 names, $2 for each since when its data points count. A row for each, in their order: what was never sampled is unknown. Points are
-- samples that told something, fine or breach, and that were begun since then.
select w.name, coalesce(s.state, 'unknown') as state, s.since, s.fired_at, s.pending_since, s.sampled_at, s.value,
	coalesce(s.message, 'it was never sampled') as message, coalesce(s.is_dry_run, false) as is_dry_run,
	(select count(*) from alarm_sample p where p.alarm = w.name and p.at >= w.counted_since and p.outcome in ('fine', 'breach')) as points
from unnest($1::text[], $2::timestamptz[]) with ordinality as w(name, counted_since, position)
left join alarm_state s on s.name = w.name order by w.position
