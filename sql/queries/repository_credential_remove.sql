-- $1 name. What was said to the credential that goes is of no use to the next.
update repository set token = null, token_user = '', ssh_key = null, ssh_known_hosts = '', ssh_host_keys = '{}', report_problem = '',
	ask_problem = ''
where name = $1 and removed_at is null returning id
