-- $1 since, $2 behind this run of that time, $3 repository name or null. At most 1000, in the order of change.
select id, repository, number, name, pipeline, kind, state, event, ref, branch, tag, commit, title, author, actor, reason, has_warnings,
	waiting_for, waiting_since, created_at, started_at, ended_at, version, pull_request, head_commit, base_commit, is_fork
from run_summary
where (changed, id) > ($1::text::xid8, $2::bigint) and number > 0
	and ($3::text is null or repository_id = (select id from repository where name = $3::text order by removed_at nulls first limit 1))
order by changed, id limit 1000
