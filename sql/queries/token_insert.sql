-- $1 kind, $2 name, $3 hash, $4 account, $5 csrf, $6 lives so many ms (0: for ever)
insert into token (kind, name, hash, account_id, csrf, expires_at)
values ($1, $2, $3, $4, $5, case when $6::bigint > 0 then now() + $6::bigint * interval '1 ms' end)
returning id
