-- $1 name. One row, whether or not it was ever sampled.
select coalesce(s.definition, '') as definition, coalesce(s.state, 'unknown') as state, s.since, s.pending_since, s.fired_at, s.sampled_at,
	coalesce(s.misses, 0) as misses, coalesce(s.version, 0) as version, clock_timestamp() as now
from (select) as one left join alarm_state s on s.name = $1::text
