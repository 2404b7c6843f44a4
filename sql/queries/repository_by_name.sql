-- $1 name
select id, name, url, default_branch, created_at, fetched_at, problem from repository where name = $1 and removed_at is null
