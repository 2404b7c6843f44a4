-- $1 name, $2 hash of the new password, $3 who says so, $4 the token or session that they act with. The account's other sessions end: who
-- had found out the old password is out. Its API tokens stay. No row: there is no such account.
with changed as (
	update account set password_hash = $2::text where name = $1::text
	returning id, name, display_name, role, is_disabled),
told as (
	insert into audit (actor, action, object) select $3::text, 'account.password', name from changed),
ended as (
	delete from token t using changed c where t.account_id = c.id and t.kind = 'session' and t.id <> $4::bigint
	returning t.id)
select c.id, c.name, c.display_name, c.role, array(select g.name from account_group g where g.account_id = c.id order by g.name) as groups,
	c.is_disabled, array(select id::text from ended) as tokens
from changed c
