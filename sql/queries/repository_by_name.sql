-- $1 name
select id, name, url, default_branch, created_at, fetched_at, problem, forge, project, api_url, report_problem, ask_problem, token is not null as has_token,
	ssh_key is not null as has_ssh_key, ssh_host_keys
from repository where name = $1 and removed_at is null
