-- $1 worker, $2 jobs, $3 attempts, $4 when they started (null: that is not told), $5 profiles, $6 {"index": {...}} of each: what is known
-- of its steps now. No attempt comes twice. Facts: they do not touch the run's version. A planner that sees how short a list is finds
-- a plan for that list cheaper than one for all, and makes one each time, for more than it costs to run: hence the sub-select.
with changed as (
	update attempt a set steps = a.steps || t.steps::jsonb,
		state = case when t.at is not null and a.state = 'leased' then 'running' else a.state end,
		started_at = case when t.at is not null and a.state = 'leased' then t.at else a.started_at end,
		profile = case when t.at is not null and a.state = 'leased' then t.profile else a.profile end
	from unnest((select $2::bigint[]), $3::bigint[], $4::timestamptz[], $5::text[], $6::text[]) as t(job, number, at, profile, steps)
	where a.job_id = t.job and a.number = t.number and a.worker_id = $1::bigint
	returning a.job_id, a.number, t.at, a.state = 'running' as is_running)
update job j set changed = pg_current_xact_id(),
	state = case when c.at is not null and c.is_running and j.attempt = c.number and j.state = 'leased' then 'running' else j.state end,
	started_at = case when c.at is not null and c.is_running and j.attempt = c.number and j.state = 'leased' then c.at else j.started_at end
from changed c where j.id = c.job_id
returning j.run_id as run
