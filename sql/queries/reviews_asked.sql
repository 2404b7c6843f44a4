-- $1 repository, $2 pull request, $3 logins and $4 commits of all reviews that approve it, $5 µs since the forge was asked. What came by a
-- webhook since is newer than its answer.
with standing as (
	select distinct s.login, s.commit from unnest($3::text[], $4::text[]) as s(login, commit) where s.login <> '' and s.commit <> ''),
asked as (select now() - $5::bigint * interval '1 us' as at),
gone as (
	update pull_review v set withdrawn_at = now() from asked a
	where v.repository_id = $1::bigint and v.number = $2::bigint and v.withdrawn_at is null and v.reviewed_at < a.at
		and not exists (select from standing s where s.login = v.login and s.commit = v.commit)),
again as (
	update pull_review v set withdrawn_at = null, reviewed_at = now() from asked a, standing s
	where v.repository_id = $1::bigint and v.number = $2::bigint and v.withdrawn_at < a.at and s.login = v.login and s.commit = v.commit
	returning v.id),
forgotten as (delete from pull_review_told t using again a where t.review_id = a.id)
insert into pull_review (repository_id, number, commit, login) select $1::bigint, $2::bigint, commit, login from standing
on conflict do nothing
