-- $1 at most so many. Approving reviews and the open gates of the runs of exactly the commit that was reviewed, with the account that the
-- login is. A maintainer's consent for a fork is asked of somebody here; nobody counts for a pull request of their own.
select v.id as review, g.run_id as run, g.id as gate, p.forge, v.login, a.id as account, a.name, a.email, a.role,
	array(select m.name from account_group m where m.account_id = a.id order by m.name) as groups,
	array(select o.login from account_login o where o.account_id = a.id order by o.forge, o.login) as logins
from gate g join stage s on s.id = g.stage_id and s.name <> 'consent'
join run r on r.id = g.run_id and r.pull_request is not null and r.state in ('pending', 'running', 'waiting')
join repository p on p.id = r.repository_id
join pull_review v on v.repository_id = r.repository_id and v.number = r.pull_request and v.commit = r.head_commit
join account_login l on l.forge = p.forge and l.login = v.login join account a on a.id = l.account_id and not a.is_disabled
join pull_request u on u.repository_id = v.repository_id and u.number = v.number
where g.state = 'open' and v.withdrawn_at is null and lower(v.login) <> lower(u.author)
	and not exists (select from decision d where d.gate_id = g.id and d.account_id = a.id)
	and not exists (select from pull_review_told t where t.review_id = v.id and t.gate_id = g.id)
order by v.id, g.id limit $1::bigint
