-- $1 repository, $2 at most so many: pull requests at whose gates a review counts now.
select distinct r.pull_request
from gate g join stage s on s.id = g.stage_id and s.name <> 'consent'
join run r on r.id = g.run_id and r.pull_request is not null and r.state in ('pending', 'running', 'waiting')
where g.state = 'open' and r.repository_id = $1::bigint
order by r.pull_request desc limit $2::bigint
