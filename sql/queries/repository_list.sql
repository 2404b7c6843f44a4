select id, name, url, default_branch, created_at, fetched_at, problem from repository where removed_at is null order by name
