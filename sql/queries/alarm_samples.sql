-- $1 alarm, $2 at most so many. The newest first.
select at, outcome, to_json(value) as value, message from alarm_sample where alarm = $1::text order by at desc limit $2::bigint
