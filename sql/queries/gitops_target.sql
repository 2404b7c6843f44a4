-- $1 name, $2 source
select p.id, p.name, p.default_branch, g.source_id is not null as is_granted, coalesce(g.refs, '{}') as refs, coalesce(g.files, '{}') as files
from repository p left join gitops_grant g on g.repository_id = p.id and g.source_id = $2::bigint
where p.name = $1::text and p.removed_at is null
