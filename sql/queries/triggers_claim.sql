-- $1 one of them, or 0 for the due ones, $2 at most so many, $3 for so many ms, unless triggers_renew.sql says that whoever took them still has them
-- in hand
with picked as (
	select id from trigger where state = 'pending' and (id = $1::bigint or ($1::bigint = 0 and next_at <= now()))
	order by id limit $2::bigint for update skip locked)
update trigger t set next_at = now() + $3::bigint * interval '1 ms', tries = t.tries + 1
from picked, repository r, trigger o left join pull_request p on p.repository_id = o.repository_id and p.number = o.pull_request
where t.id = picked.id and r.id = t.repository_id and o.id = t.id
returning t.id, t.repository_id as repository, r.name as repository_name, r.default_branch, t.event, coalesce(t.pipeline, '') as pipeline,
	t.ref, t.before, t.commit, t.is_deleted, t.actor, coalesce(t.account_id, 0) as account, t.inputs, t.options,
	coalesce(t.rerun_of, 0) as rerun_of, t.tries, coalesce(t.pull_request, 0) as pull_request, coalesce(p.title, '') as pull_title,
	coalesce(p.author, '') as pull_author, coalesce(p.base, '') as pull_base, coalesce(p.head, '') as pull_head,
	coalesce(p.is_fork, true) as is_fork
