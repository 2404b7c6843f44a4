-- planned each time
-- $1 repository, $2 pipeline, $3 branch, $4 state (each null: any), $5 before this id, $6 at most so many. Runs of alarms have no
-- number of their own.
select id, repository, number, name, pipeline, kind, state, event, ref, branch, tag, commit, title, author, actor, reason, has_warnings,
	waiting_for, waiting_since, created_at, started_at, ended_at, version, pull_request, head_commit, base_commit, is_fork
from run_summary
where ($1::text is null or repository_id = (select id from repository where name = $1::text order by removed_at nulls first limit 1))
	and ($2::text is null or pipeline = $2::text)
	and ($3::text is null or branch = $3::text) and ($4::text is null or state = $4::text) and id < $5::bigint
	and number > 0
order by id desc limit $6::bigint
