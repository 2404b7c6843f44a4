-- $1 repository
select name, forge, url, token, token_user, ssh_key, ssh_known_hosts from repository where id = $1
