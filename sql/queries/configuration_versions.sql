-- $1 limit, $2 before this version
select c.version, c.applied_at, coalesce(a.name, '') as applied_by, c.comment, c.reverted_from
from configuration c left join account a on a.id = c.applied_by
where c.version < $2::bigint order by c.version desc limit $1::bigint
