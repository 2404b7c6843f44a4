-- $1 alarm, $2 when, $3 the state that it had, $4 the state that it has, $5 value or null, $6 message (null: as it was saved), $7 dry run
insert into alarm_change (alarm, at, was, state, value, message, is_dry_run)
values ($1::text, $2::timestamptz, $3::text, $4::text, $5::double precision, coalesce($6::text, (select message from alarm_state where name = $1::text), ''),
	$7::boolean)
