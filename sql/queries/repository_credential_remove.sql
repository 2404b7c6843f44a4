-- $1 name
update repository set token = null, token_user = '', ssh_key = null, ssh_known_hosts = '', ssh_host_keys = '{}'
where name = $1 and removed_at is null returning id
