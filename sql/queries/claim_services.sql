-- $1 runs. What each service put out when it was deployed last to an environment of these runs: services.X.outputs of a claimed job.
select e.name as environment, s.name as service, d.outputs
from (select distinct environment from stage where run_id = any($1::bigint[]) and kind = 'environment') g
join environment e on e.name = g.environment and e.removed_at is null
join service s on s.removed_at is null
cross join lateral (
	select j.outputs from target t
	cross join lateral (
		select d.id, d.job_id, d.is_teardown from deployment d
		where d.service_id = s.id and d.target_id = t.id and d.state in ('live', 'rolled_back') and d.started_at is not null
		order by d.id desc limit 1) last
	join job j on j.id = last.job_id
	where t.environment_id = e.id and t.removed_at is null and not last.is_teardown and j.outputs <> '{}'
	order by last.id desc limit 1) d
