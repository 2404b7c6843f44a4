-- $1 message, $2 problem: why it was not sent after all ("": it was)
update outbox set sent_at = now(), problem = $2::text where id = $1::bigint and sent_at is null
