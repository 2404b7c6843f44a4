-- Everybody who could decide.
select a.id as account, a.name, coalesce(a.email, '') as email, a.role,
	array(select g.name from account_group g where g.account_id = a.id order by g.name) as groups,
	array(select l.login from account_login l where l.account_id = a.id order by l.forge, l.login) as logins
from account a where not a.is_disabled order by a.name
