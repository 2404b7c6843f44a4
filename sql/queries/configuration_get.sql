-- $1 a version; 0: the one in force
select c.version, c.body as text, c.applied_at, coalesce(a.name, '') as applied_by, c.comment, c.reverted_from
from configuration c left join account a on a.id = c.applied_by
where c.version = case when $1::bigint = 0 then (select max(version) from configuration) else $1::bigint end
