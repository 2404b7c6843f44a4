-- $1 at most so many, $2 for so many ms. In order of their key: the first that is not dealt with. They come back then when whoever took
-- them dies.
with picked as (
	select id from outbox o
	where sent_at is null and next_at <= now()
		and not exists (select 1 from outbox e where e.kind = o.kind and e.key = o.key and e.sent_at is null and e.id < o.id)
	order by next_at limit $1::bigint for update skip locked)
update outbox o set next_at = now() + $2::bigint * interval '1 ms', tries = tries + 1
from picked where o.id = picked.id
returning o.id, o.kind, o.body, o.tries,
	exists (select 1 from outbox n where n.kind = o.kind and n.key = o.key and n.sent_at is null and n.id > o.id) as is_outdated
