-- $1 artifact
select path, coalesce(sha256, ''), removed_at from artifact where id = $1
