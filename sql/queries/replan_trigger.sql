-- $1 run. What started it, or, where it deploys a version once more, what started the run that made the version.
with origin as (
	select coalesce((select v.run_id from version v join service s on s.id = v.service_id
		where r.event = 'deploy' and s.name = r.inputs->>'service' and v.name = r.inputs->>'version'), r.id) as id
	from run r where r.id = $1::bigint)
select t.id, t.repository_id as repository, r.name as repository_name, r.default_branch, t.event, coalesce(t.pipeline, '') as pipeline,
	t.ref, t.before, t.commit, t.is_deleted, t.actor, coalesce(t.account_id, 0) as account, t.inputs, t.options,
	coalesce(t.rerun_of, 0) as rerun_of, t.tries, coalesce(t.pull_request, 0) as pull_request, coalesce(p.title, '') as pull_title,
	coalesce(p.author, '') as pull_author, coalesce(p.base, '') as pull_base, coalesce(p.head, '') as pull_head,
	coalesce(p.is_fork, true) as is_fork
from origin join run o on o.id = origin.id join trigger t on t.id = o.trigger_id join repository r on r.id = t.repository_id
left join pull_request p on p.repository_id = t.repository_id and p.number = t.pull_request
