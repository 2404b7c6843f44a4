-- $1 at most so many, $2 again in ms. One coordinator polls a repository, whatever their number.
with picked as (
	select key from timer where kind = 'poll' and due_at <= now() order by due_at limit $1::bigint for update skip locked),
moved as (
	update timer t set due_at = now() + $2::bigint * interval '1 ms' from picked p where t.kind = 'poll' and t.key = p.key
	returning t.key)
select r.id from moved m join repository r on r.id = m.key::bigint where r.removed_at is null
