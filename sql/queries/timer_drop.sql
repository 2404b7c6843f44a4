-- $1 kind, $2 key
delete from timer where kind = $1 and key = $2
