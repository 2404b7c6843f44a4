-- $1 ids, $2 states that were loaded, $3 attempts, $4 states, $5 retries, $6 reasons, $7 exit codes, $8 messages, $9 outputs,
-- $10 cancel reasons, $11 queued_at, $12 started_at, $13 ended_at
with wanted as (
	select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[],
		$10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[])
		as w(id, was, attempt, state, retries, reason, exit_code, message, outputs, cancel_reason, queued_at, started_at, ended_at)),
saved as (
	update job j set state = w.state, retries = w.retries, reason = w.reason, exit_code = w.exit_code::integer, message = w.message,
		outputs = w.outputs::jsonb, cancel_reason = w.cancel_reason, queued_at = w.queued_at,
		started_at = w.started_at, ended_at = w.ended_at, changed = pg_current_xact_id()
	from wanted w where j.id = w.id and j.state = w.was and j.attempt = w.attempt
	returning 1)
select expect_rows((select count(*) from saved), (select count(*) from wanted), 'job')
