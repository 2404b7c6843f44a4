-- $1 run. The facts of one run that the engine needs.
select r.id, r.version, r.repository_id, p.name as repository, r.number, r.state, r.ending, r.reason, r.waiting_for, r.has_warnings,
	r.account_id, r.actor, r.authors, r.commit, r.concurrency_group, r.abandoned, r.started_at, r.ended_at, coalesce(l.hash, '') as plan_hash, r.configuration_version as configuration
from run r
join repository p on p.id = r.repository_id
left join plan l on l.id = r.plan_id
where r.id = $1
