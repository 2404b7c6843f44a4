-- $1 names, $2 their definitions, $3 at most so many. Alarms that time alone may change now, and those that mean something else by now.
select s.name from alarm_state s join unnest($1::text[], $2::text[]) as w(name, definition) on w.name = s.name
where s.look_at <= now() or s.definition <> w.definition order by s.look_at limit $3::bigint
