-- $1 repository, $2 name, $3 the commit it was thought to have ("": none), $4 the new one ("": deleted). Raises when somebody else moved it
-- first: an update becomes one trigger, whoever sees it. A new branch that a poll saw has a row already, without a commit.
with gone as (
	delete from repository_ref where $4::text = '' and repository_id = $1::bigint and name = $2::text and commit = $3::text returning 1),
moved as (
	update repository_ref set commit = $4::text, polled_commit = null, polled_at = null
	where $4::text <> '' and repository_id = $1::bigint and name = $2::text and commit = $3::text returning 1),
made as (
	insert into repository_ref (repository_id, name, commit) select $1::bigint, $2::text, $4::text
	where $4::text <> '' and $3::text = '' on conflict do nothing returning 1)
select expect_rows((select count(*) from gone) + (select count(*) from moved) + (select count(*) from made), 1, 'ref ' || $2::text)
