-- $1 names, $2 at most so many. Alarms that time alone may change now.
select name from alarm_state where look_at <= now() and name = any($1::text[]) order by look_at limit $2::bigint
