-- $1 kind, $2 key, $3 due in ms. The earlier of the two stays.
insert into timer as t (kind, key, due_at) values ($1::text, $2::text, now() + $3::bigint * interval '1 ms')
on conflict (kind, key) do update set due_at = least(t.due_at, excluded.due_at)
