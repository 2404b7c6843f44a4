-- $1 tokens and sessions. Those that are still good.
select t.id from token t left join account a on a.id = t.account_id
where t.id = any($1::bigint[]) and (t.expires_at is null or t.expires_at > now()) and not coalesce(a.is_disabled, false)
