-- $1 name, $2 sealed token (null: as it is), $3 its user, $4 sealed ssh key (null: as it is), $5 known hosts, $6 their fingerprints,
-- $7 api_url, $8 project (each null: as it is)
update repository set token = coalesce($2::bytea, token), token_user = case when $2::bytea is null then token_user else $3::text end,
	ssh_key = coalesce($4::bytea, ssh_key), ssh_known_hosts = case when $4::bytea is null then ssh_known_hosts else $5::text end,
	ssh_host_keys = case when $4::bytea is null then ssh_host_keys else $6::text[] end,
	api_url = coalesce($7::text, api_url), project = coalesce($8::text, project), report_problem = '', ask_problem = '', problem = ''
where name = $1::text and removed_at is null returning id
