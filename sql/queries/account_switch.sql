-- $1 name, $2 whether it is to be disabled, $3 who says so. Its sessions end; its API tokens are good again when it is. No row: there is no
-- such account.
with switched as (
	update account set is_disabled = $2::boolean where name = $1::text
	returning id, name, display_name, role, is_disabled),
told as (
	insert into audit (actor, action, object)
	select $3::text, case when is_disabled then 'account.disable' else 'account.enable' end, name from switched),
ended as (
	delete from token t using switched s where s.is_disabled and t.account_id = s.id and t.kind = 'session')
select s.id, s.name, s.display_name, s.role, array(select g.name from account_group g where g.account_id = s.id order by g.name) as groups,
	s.is_disabled, array(select t.id::text from token t where s.is_disabled and t.account_id = s.id) as tokens -- good no more
from switched s
