-- $1 sha256, $2 size
insert into blob (sha256, size_bytes) values ($1, $2) on conflict (sha256) do nothing
