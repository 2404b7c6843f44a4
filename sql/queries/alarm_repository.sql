-- $1 name
select id, default_branch from repository where name = $1::text and removed_at is null
