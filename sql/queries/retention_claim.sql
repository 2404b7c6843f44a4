-- $1 again in ms. One coordinator makes a pass, whatever their number.
with picked as (
	select kind, key from timer where kind = 'retention' and due_at <= now() for update skip locked)
update timer t set due_at = now() + $1::bigint * interval '1 ms' from picked p where t.kind = p.kind and t.key = p.key returning 1
