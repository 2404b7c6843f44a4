-- $1 name, $2 display name, $3 email, $4 password hash, $5 role, $6 groups
with made as (
	insert into account (name, display_name, email, password_hash, role) values ($1, $2, $3, $4, $5) returning id),
grouped as (
	insert into account_group (account_id, name) select made.id, g from made, unnest($6::text[]) as g)
select id from made
