-- $1 repository, $2 address, $3 default branch ("": as it is), $4 project, $5 api_url. No row: there is no such branch.
update repository r set url = $2::text, default_branch = coalesce(nullif($3::text, ''), default_branch), project = $4::text, api_url = $5::text,
	problem = '', report_problem = '', ask_problem = ''
where r.id = $1::bigint and r.removed_at is null and ($3::text = '' or exists (
	select from repository_ref f where f.repository_id = r.id and f.name = 'refs/heads/' || $3::text and f.commit <> ''))
returning id
