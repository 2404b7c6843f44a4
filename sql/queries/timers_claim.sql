-- $1 at most so many, $2 due again in ms when nobody sets it before
with picked as (select kind, key from timer where due_at <= now() order by due_at limit $1::bigint for update skip locked)
update timer t set due_at = now() + $2::bigint * interval '1 ms' from picked p where t.kind = p.kind and t.key = p.key
returning t.kind, t.key
