-- $1 name
update repository set removed_at = now() where name = $1 and removed_at is null returning id
