-- $1 trigger, $2 reason, $3 ms
update trigger set next_at = now() + $3::bigint * interval '1 ms', reason = $2::text where id = $1::bigint and state = 'pending'
