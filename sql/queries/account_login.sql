-- $1 name
select id, password_hash from account where name = $1 and not is_disabled and password_hash is not null
