select a.id, a.name, a.display_name, a.role, array(select g.name from account_group g where g.account_id = a.id order by g.name) as groups,
	a.is_disabled
from account a order by a.name
