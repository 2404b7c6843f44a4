-- $1 service, $2 environment, $3 the condemned version, $4 the version to go back to ("": the last good one of each target). Every target
-- that is left with it, or with another one in quarantine, and the deployment that brought its last good version there (job 0: there is
-- none).
with condemned as materialized (
	select * from left_behind($1::text, $2::text, $3::text))
select t.name as target, c.wave, coalesce(v.name, '') as version, coalesce(g.run_id, 0) as run, coalesce(r.number, 0) as run_number,
	coalesce(j.key, '') as job, coalesce(nullif(j.commit, ''), r.commit, '') as commit, coalesce(p.hash, '') as plan_hash
from condemned c join target t on t.id = c.target_id
left join lateral (
	select d.* from deployment d join version v on v.id = d.version_id
	where d.service_id = c.service_id and d.target_id = c.target_id and d.baked_at is not null and d.version_id <> c.version_id
		and ($4::text = '' or v.name = $4::text)
		and not exists (select from quarantine q join target qt on qt.id = d.target_id where q.service_id = d.service_id
			and q.environment_id = qt.environment_id and q.version_id = d.version_id and q.released_at is null)
	order by d.id desc limit 1) g on true
left join version v on v.id = g.version_id
left join run r on r.id = g.run_id
left join plan p on p.id = r.plan_id
left join job j on j.id = g.job_id
order by t.name
