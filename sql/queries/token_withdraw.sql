-- $1 token, $2 the account that it must belong to, null: anybody's
delete from token where id = $1::bigint and ($2::bigint is null or account_id = $2::bigint) returning id
