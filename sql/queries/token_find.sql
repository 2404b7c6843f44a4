-- $1 SHA-256 of a token or session
select t.id, t.kind, t.csrf, coalesce(a.id, 0) as account, coalesce(a.name, '') as name, coalesce(a.display_name, '') as display_name,
	coalesce(a.email, '') as email, coalesce(a.role, '') as role,
	array(select g.name from account_group g where g.account_id = a.id order by g.name) as groups,
	array(select l.login from account_login l where l.account_id = a.id order by l.forge, l.login) as logins
from token t left join account a on a.id = t.account_id
where t.hash = $1 and (t.expires_at is null or t.expires_at > now()) and not coalesce(a.is_disabled, false)
