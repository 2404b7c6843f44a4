-- $1 message, $2 problem, $3 ms
update outbox set next_at = now() + $3::bigint * interval '1 ms', problem = $2::text where id = $1::bigint and sent_at is null
