-- $1 repository, $2 number, $3 the version that was loaded (0: none), $4 state, $5 title, $6 author ("": as it is), $7 base, $8 head, $9 fork,
-- $10 commit that is triggered ("": none), $11 by whom its commit was approved ("": nobody now). Raises when somebody else was first.
with made as (
	insert into pull_request (repository_id, number, state, title, author, base, head, is_fork, commit, approved_by)
	select $1::bigint, $2::bigint, $4::text, $5::text, $6::text, $7::text, $8::text, $9::boolean, $10::text, $11::text
	where $3::bigint = 0 on conflict do nothing returning 1),
moved as (
	update pull_request set version = version + 1, state = $4::text, title = $5::text,
		author = case when $6::text = '' then author else $6::text end, base = $7::text, head = $8::text, is_fork = $9::boolean,
		commit = case when $10::text = '' then commit else $10::text end,
		approved_by = case when $11::text = '' then approved_by else $11::text end,
		approved_commit = case when $11::text = '' then approved_commit else commit end
	where $3::bigint > 0 and repository_id = $1::bigint and number = $2::bigint and version = $3::bigint
	returning 1)
select expect_rows((select count(*) from made) + (select count(*) from moved), 1, 'pull request ' || $2::bigint)
