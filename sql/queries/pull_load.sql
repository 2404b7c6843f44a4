-- $1 repository, $2 number
select version, state, base, commit, is_fork from pull_request where repository_id = $1 and number = $2
