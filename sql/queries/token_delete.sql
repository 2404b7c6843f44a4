-- $1 token
delete from token where id = $1
