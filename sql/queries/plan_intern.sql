-- $1 hash, $2 body
insert into plan (hash, body) values ($1, $2::jsonb) on conflict (hash) do nothing
