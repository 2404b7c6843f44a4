-- What a decision relies on and does not write: $1 service, $2 its version, $3 environment, $4 its version, $5 lane, $6 its version, $7 alarms,
-- $8 how often each of them had changed (a version of 0: it does not matter, or there was no such row). Raises when one is another by now; until the decision is
-- committed none of them changes.
with s as materialized (
	select id from service where name = $1::text and version = $2::bigint for share),
e as materialized (
	select id from environment where name = $3::text and version = $4::bigint for share),
l as materialized (
	select id from lane where id = $5::bigint and version = $6::bigint for share),
a as materialized (
	select x.name from unnest($7::text[], $8::bigint[]) as w(name, turn) join alarm_state x on x.name = w.name and x.turn = w.turn
	order by x.name for share of x)
select expect_rows((select count(*) from s), least($2::bigint, 1), 'service ' || $1::text),
	expect_rows((select count(*) from e), least($4::bigint, 1), 'environment ' || $3::text),
	expect_rows((select count(*) from l), least($6::bigint, 1), 'lane ' || $5::bigint),
	expect_rows((select count(*) from a), cardinality($7::text[]), 'alarm of ' || $3::text)
