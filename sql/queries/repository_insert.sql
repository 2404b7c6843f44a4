-- $1 name, $2 url, $3 default branch, $4 sealed hook secret
insert into repository (name, url, default_branch, hook_secret) values ($1, $2, $3, $4) returning id
