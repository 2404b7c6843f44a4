-- $1 at most so many, $2 for so many ms, unless deliveries_renew.sql says that whoever took them still has them in hand.
with picked as (
	select id from delivery where state = 'stored' and next_at <= now() order by id limit $1::bigint for update skip locked)
update delivery d set next_at = now() + $2::bigint * interval '1 ms', tries = tries + 1
from picked, repository r where d.id = picked.id and r.id = d.repository_id
returning d.id, d.repository_id, r.forge, d.event, d.body, d.tries
