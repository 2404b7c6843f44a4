-- One try to log in, counted before the password is looked at. $1 key of the address, $2 key of the name from there; an address may try
-- $3 times at once and then once in $4 ms, a name $5 times and once in $6 ms. Each try moves the time of calm by one step. Answers how
-- many seconds to wait; 0: go on.
with peer as (
	insert into login_try as l (key, calm_at) values ($1::bytea, now() + $4::bigint * interval '1 ms')
	on conflict (key) do update set calm_at = greatest(l.calm_at, now()) + $4::bigint * interval '1 ms'
		where l.calm_at <= now() + ($3::bigint - 1) * $4::bigint * interval '1 ms'
	returning 1),
name as (
	insert into login_try as l (key, calm_at) select $2::bytea, now() + $6::bigint * interval '1 ms' from peer
	on conflict (key) do update set calm_at = greatest(l.calm_at, now()) + $6::bigint * interval '1 ms'
		where l.calm_at <= now() + ($5::bigint - 1) * $6::bigint * interval '1 ms'
	returning 1)
select case when exists (select 1 from name) then 0 else greatest(1, coalesce((
	select ceil(extract(epoch from l.calm_at - now() - case when exists (select 1 from peer)
		then ($5::bigint - 1) * $6::bigint else ($3::bigint - 1) * $4::bigint end * interval '1 ms'))::bigint
	from login_try l where l.key = case when exists (select 1 from peer) then $2::bytea else $1::bytea end), 1)) end as wait_s
