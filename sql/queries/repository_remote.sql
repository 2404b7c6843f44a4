-- $1 repository
select name, forge, default_branch, url, token, token_user, ssh_key, ssh_known_hosts, project, api_url from repository where id = $1
