-- $1 repository, $2 a login on its forge: whether an account here is it.
select exists (select from account_login l join repository r on r.id = $1::bigint and r.forge = l.forge
	join account a on a.id = l.account_id and not a.is_disabled where l.login = $2::text) as is_known
