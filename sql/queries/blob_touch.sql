-- $1 sha256, $2 size. Before its file is put in place: from now on it is not removed for a while. No row: it is being removed just now.
insert into blob as b (sha256, size_bytes) values ($1, $2)
on conflict (sha256) do update set touched_at = now() where not b.is_doomed
returning 1
