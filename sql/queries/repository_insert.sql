-- $1 name, $2 url, $3 default branch, $4 sealed hook secret, $5 forge, $6 project, $7 api_url, $8 sealed token, $9 its user, $10 sealed ssh
-- key, $11 known hosts, $12 their fingerprints
insert into repository (name, url, default_branch, hook_secret, forge, project, api_url, token, token_user, ssh_key, ssh_known_hosts,
	ssh_host_keys)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text[]) returning id
