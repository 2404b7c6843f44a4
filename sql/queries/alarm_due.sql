-- $1 name, $2 when its sample was begun, $3 interval in ms.
update timer set due_at = greatest(now(), $2::timestamptz + $3::bigint * interval '1 ms') where kind = 'alarm' and key = $1::text
