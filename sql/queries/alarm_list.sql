-- $1 names, of all that there are. In their order.
select w.name, coalesce(s.state, 'unknown') as state, s.since, s.fired_at, s.pending_since, s.sampled_at, to_json(s.value) as value,
	coalesce(s.outcome, '') as outcome, coalesce(s.message, 'it was never sampled') as message
from unnest($1::text[]) with ordinality as w(name, position) left join alarm_state s on s.name = w.name order by w.position
