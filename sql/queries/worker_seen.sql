-- $1 worker, $2 instance. Answers its state; no row: another process has taken its name.
update worker set seen_at = now(), state = case when state = 'offline' then 'online' else state end
where id = $1::bigint and instance = $2::text
returning state
