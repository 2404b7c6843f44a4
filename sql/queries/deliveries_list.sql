-- $1 repository name, $2 before this id, $3 at most so many
select d.id, d.delivery_key as key, d.event, d.state, d.problem as reason, d.received_at
from delivery d join repository r on r.id = d.repository_id
where r.name = $1 and r.removed_at is null and d.id < $2::bigint
order by d.id desc limit $3::bigint
