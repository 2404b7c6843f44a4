-- $1 account, null: everybody's. Those that are good, newest first; hashes stay here.
select t.id, t.kind, t.name, coalesce(a.name, '') as account, t.created_at, t.expires_at, t.used_at
from token t left join account a on a.id = t.account_id
where ($1::bigint is null or t.account_id = $1::bigint) and (t.expires_at is null or t.expires_at > now())
order by t.id desc limit 1000
