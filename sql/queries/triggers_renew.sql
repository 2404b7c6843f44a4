-- $1 triggers in hand, $2 for so many ms more
update trigger set next_at = now() + $2::bigint * interval '1 ms' where id = any ($1::bigint[]) and state = 'pending'
