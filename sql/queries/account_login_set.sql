-- $1 account, $2 forge, $3 login ("": none of this forge), $4 who. No row: there is no such account. One login is one account.
with who as (
	select id, name from account where name = $1::text),
gone as (
	delete from account_login l using who where l.account_id = who.id and l.forge = $2::text and l.login <> $3::text),
made as (
	insert into account_login (forge, login, account_id) select $2::text, $3::text, id from who where $3::text <> ''
	on conflict (forge, login) do update set account_id = excluded.account_id),
noted as (
	insert into audit (actor, action, object, body)
	select $4::text, 'account.login', name, jsonb_build_object('forge', $2::text, 'login', $3::text) from who)
select name from who
