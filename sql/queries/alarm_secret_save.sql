-- $1 name, $2 sealed secret, $3 whether one that is there is replaced; it stays good for a day. $4 account. No row: there is one.
with saved as (
	insert into alarm_secret as s (name, secret) values ($1::text, $2::bytea)
	on conflict (name) do update set secret_old = s.secret, secret = excluded.secret, rotated_at = now() where $3::boolean
	returning rotated_at),
audited as (
	insert into audit (actor, action, object)
	select a.name, case when $3::boolean then 'alarm.secret.replace' else 'alarm.secret' end, 'alarm ' || $1::text
	from saved, account a where a.id = $4::bigint)
select rotated_at from saved
