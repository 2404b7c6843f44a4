-- $1 repository, $2 names, $3 commits. What a new repository holds already starts nothing.
insert into repository_ref (repository_id, name, commit)
select $1::bigint, r.name, r.commit from unnest($2::text[], $3::text[]) as r(name, commit)
on conflict do nothing
