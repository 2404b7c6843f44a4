-- $1 name, $2 url, $3 default branch, $4 sealed hook secret, $5 forge, $6 project, $7 api_url, $8 sealed token, $9 its user, $10 sealed ssh
-- key, $11 known hosts, $12 their fingerprints. Nobody sees it before repository_keep.sql: a server that dies while it looks at the address
-- leaves nothing to poll. No row: the name is taken.
insert into repository (name, url, default_branch, hook_secret, forge, project, api_url, token, token_user, ssh_key, ssh_known_hosts,
	ssh_host_keys, removed_at)
select $1::text, $2::text, $3::text, $4::bytea, $5::text, $6::text, $7::text, $8::bytea, $9::text, $10::bytea, $11::text, $12::text[], now()
where not exists (select from repository where name = $1::text and removed_at is null)
returning id
