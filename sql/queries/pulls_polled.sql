-- $1 repository, $2 numbers of its open pull requests, $3 commits of their heads, $4 their bases, $5 when they were made, $6 bodies of
-- deliveries that tell of them, but for the action, $7 these are all: an open one that is not among them is closed. What no webhook told
-- becomes a delivery; its key names what was known before, so that a second poll makes none. Those that are older than the repository here
-- and that nobody told of are left alone, as the branches are that were there.
with listed as (
	select * from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[]) as l(number, commit, base, made_at, body)),
news as (
	select l.number, case when p.number is null then 'opened' when p.state = 'open' then 'updated' else 'reopened' end as action,
		l.commit, coalesce(p.version, 0) as version, l.body::jsonb as body
	from listed l join repository r on r.id = $1::bigint
	left join pull_request p on p.repository_id = r.id and p.number = l.number
	where case when p.number is null then l.made_at::timestamptz > r.created_at
		else p.state <> 'open' or p.commit <> l.commit or p.base <> l.base end
	union all
	select p.number, 'closed', p.commit, p.version, jsonb_build_object('kind', 'pull_request', 'pusher', 'poll', 'pull',
		jsonb_build_object('number', p.number, 'title', p.title, 'author', p.author, 'base', p.base, 'head', p.head, 'is_fork', p.is_fork))
	from pull_request p
	where p.repository_id = $1::bigint and p.state = 'open' and $7::boolean and not exists (select from listed l where l.number = p.number))
insert into delivery (repository_id, delivery_key, event, body)
select $1::bigint, 'poll ' || n.number || ' ' || n.action || ' ' || n.version || ' ' || n.commit, 'pull_request',
	jsonb_set(n.body, '{pull,action}', to_jsonb(n.action))
from news n
on conflict do nothing returning id
