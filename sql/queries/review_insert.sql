-- $1 repository, $2 pull request, $3 the commit that was reviewed, $4 login. One that was taken back and is given again is a new one to the
-- gates that heard of it.
with again as (
	update pull_review set withdrawn_at = null
	where repository_id = $1::bigint and number = $2::bigint and commit = $3::text and login = $4::text and withdrawn_at is not null
	returning id),
forgotten as (delete from pull_review_told t using again a where t.review_id = a.id)
insert into pull_review (repository_id, number, commit, login) values ($1::bigint, $2::bigint, $3::text, $4::text)
on conflict do nothing
