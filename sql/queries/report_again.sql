-- $1 service, $2 target. This server cannot say: whoever looks next is to ask.
update target_report set due_at = now() where service_id = $1::bigint and target_id = $2::bigint
