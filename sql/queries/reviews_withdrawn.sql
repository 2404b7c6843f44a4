-- $1 at most so many. Decisions at open gates that were made of reviews which were taken back since. Where somebody decided here as well, that
-- stands.
select v.id as review, g.run_id as run, g.id as gate, p.forge, v.login, a.id as account, a.name, a.email, a.role, '{}'::text[] as groups, '{}'::text[] as logins
from pull_review v join repository p on p.id = v.repository_id
join run r on r.repository_id = v.repository_id and r.pull_request = v.number and r.head_commit = v.commit
	and r.state in ('pending', 'running', 'waiting')
join gate g on g.run_id = r.id and g.state = 'open'
join account_login l on l.forge = p.forge and l.login = v.login join account a on a.id = l.account_id
join decision d on d.gate_id = g.id and d.account_id = a.id
	and d.comment = 'approving review by ' || v.login || ' on ' || p.forge
where v.withdrawn_at is not null
order by v.id, g.id limit $1::bigint
