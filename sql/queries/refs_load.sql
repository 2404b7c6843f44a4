-- $1 repository
select name, commit, coalesce(polled_commit, '') as polled_commit, polled_at from repository_ref where repository_id = $1
