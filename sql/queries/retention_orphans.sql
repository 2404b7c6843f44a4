-- $1 files, $2 their sizes, $3 when they were written. One that no row names gets its row: then it goes as any other that nothing names.
insert into blob (sha256, size_bytes, touched_at) select * from unnest($1::text[], $2::bigint[], $3::timestamptz[])
on conflict (sha256) do nothing
