-- $1 actor, $2 action, $3 object, $4 body
insert into audit (actor, action, object, body) values ($1, $2, $3, $4::jsonb)
