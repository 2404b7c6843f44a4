-- $1 name, $2 sealed secret, $3 whether one that is there is replaced; it stays good for a day. No row: there is one.
insert into alarm_secret as s (name, secret) values ($1::text, $2::bytea)
on conflict (name) do update set secret_old = s.secret, secret = excluded.secret, rotated_at = now() where $3::boolean
returning rotated_at
