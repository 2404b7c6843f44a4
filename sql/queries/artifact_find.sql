-- $1 artifact
select path, coalesce(sha256, ''), removed_at, size_bytes from artifact where id = $1
