-- $1 repository's name, $2 source's name, $3 refs, $4 files. No row: one of them does not exist.
insert into gitops_grant (repository_id, source_id, refs, files)
select p.id, s.id, $3::text[], $4::text[] from repository p, repository s
where p.name = $1::text and p.removed_at is null and s.name = $2::text and s.removed_at is null
on conflict (repository_id, source_id) do update set refs = excluded.refs, files = excluded.files
returning 1
