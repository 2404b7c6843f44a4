-- $1 deliveries in hand, $2 for so many ms more
update delivery set next_at = now() + $2::bigint * interval '1 ms' where id = any ($1::bigint[]) and state = 'stored'
