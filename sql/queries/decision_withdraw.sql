-- $1 gate, $2 account
with gone as (delete from decision where gate_id = $1::bigint and account_id = $2::bigint returning account_id, comment),
noted as (
	insert into audit (actor, action, object, body)
	select a.name, 'review.withdrawn', 'gate ' || $1::bigint, jsonb_build_object('comment', g.comment)
	from gone g join account a on a.id = g.account_id)
select expect_rows((select count(*) from gone), 1, 'decision of account ' || $2::bigint || ' at gate ' || $1::bigint)
