-- $1 repository, $2 the forge's id, $3 event, $4 body, $5 state, $6 problem, $7 digest of the body, or null. No row: it was here before.
insert into delivery (repository_id, delivery_key, event, body, state, problem, digest)
values ($1, $2, $3, $4::jsonb, $5, $6, $7::bytea)
on conflict do nothing returning id
