-- $1 repository, $2 names, $3 commits: differ from what was triggered; a webhook may still tell of them.
insert into repository_ref as r (repository_id, name, commit, polled_commit, polled_at)
select $1::bigint, p.name, '', p.commit, now() from unnest($2::text[], $3::text[]) as p(name, commit)
on conflict (repository_id, name) do update set polled_commit = excluded.polled_commit,
	polled_at = case when r.polled_commit = excluded.polled_commit then r.polled_at else now() end
