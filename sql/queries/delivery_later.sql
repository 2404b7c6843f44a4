-- $1 delivery, $2 problem, $3 ms
update delivery set next_at = now() + $3::bigint * interval '1 ms', problem = $2::text where id = $1::bigint and state = 'stored'
