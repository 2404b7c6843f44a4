-- $1 since ("0": all). In the order of change.
select name, state, since, fired_at, pending_since, sampled_at, to_json(value) as value, outcome, message, is_dry_run
from alarm_state where changed >= $1::text::xid8 order by changed, name limit 1000
