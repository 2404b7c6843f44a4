-- $1 repository, $2 pull request, $3 why, $4 only runs of a fork that nobody let in. What is under way ends as soon as it would wait.
update run r set version = version + 1, abandoned = $3::text, changed = pg_current_xact_id()
where repository_id = $1::bigint and pull_request = $2::bigint and state in ('pending', 'running', 'waiting') and abandoned = ''
	and (not $4::boolean or (is_fork and exists (
		select 1 from gate g join stage s on s.id = g.stage_id where g.run_id = r.id and s.position = 0 and g.state = 'open')))
returning id
