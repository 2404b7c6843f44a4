-- $1 repository's name, $2 source's name
delete from gitops_grant g using repository p, repository s
where p.name = $1::text and p.removed_at is null and s.name = $2::text and g.repository_id = p.id and g.source_id = s.id
returning 1
