-- $1 repository, $2 the forge's id, $3 event, $4 body. No row: it was here before.
insert into delivery (repository_id, delivery_key, event, body) values ($1, $2, $3, $4::jsonb)
on conflict (repository_id, delivery_key) do nothing returning id
