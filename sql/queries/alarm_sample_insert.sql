-- $1 alarm, $2 when it was begun, $3 outcome, $4 value or null, $5 message
insert into alarm_sample (alarm, at, outcome, value, message)
values ($1::text, $2::timestamptz, $3::text, $4::double precision, $5::text)
