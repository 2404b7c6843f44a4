-- $1 lifted ones too, $2 limit, $3 before this id
select b.id, b.service, b.environment, b.reason, coalesce(a.name, '') as placed_by, b.placed_at, coalesce(l.name, '') as lifted_by, b.lifted_at,
	b.lift_reason
from blocker b left join account a on a.id = b.placed_by left join account l on l.id = b.lifted_by
where ($1::boolean or b.lifted_at is null) and b.id < $3::bigint order by b.id desc limit $2::bigint
