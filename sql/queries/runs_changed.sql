-- $1 since, $2 repository name or null
select id, repository, number, name, pipeline, kind, state, event, ref, branch, tag, commit, title, author, actor, reason, has_warnings,
	waiting_for, created_at, started_at, ended_at, version
from run_summary where changed >= $1::text::xid8 and ($2::text is null or repository = $2::text) order by id limit 1000
