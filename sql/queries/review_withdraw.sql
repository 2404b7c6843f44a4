-- $1 repository, $2 pull request, $3 login: whichever commit they approved, they do so no longer.
update pull_review set withdrawn_at = now()
where repository_id = $1::bigint and number = $2::bigint and login = $3::text and withdrawn_at is null
