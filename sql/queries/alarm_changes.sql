-- $1 alarm, $2 at most so many. The newest first.
select at, was, state, to_json(value) as value, message, is_dry_run from alarm_change where alarm = $1::text order by id desc limit $2::bigint
