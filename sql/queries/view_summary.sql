-- $1 run
select id, repository, number, name, pipeline, kind, state, event, ref, branch, tag, commit, title, author, actor, reason, has_warnings,
	waiting_for, waiting_since, created_at, started_at, ended_at, version, pull_request, head_commit, base_commit, is_fork
from run_summary where id = $1
