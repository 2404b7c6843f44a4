-- $1 repository's name
select s.name as source, g.refs, g.files, g.created_at
from repository p join gitops_grant g on g.repository_id = p.id join repository s on s.id = g.source_id
where p.name = $1::text and p.removed_at is null and s.removed_at is null order by s.name
