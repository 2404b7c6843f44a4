-- $1 runs. Outputs of their jobs that are over: what `needs` and jobs.X.outputs of a claimed job look at.
select run_id as run, key, state, outputs from job
where run_id = any($1::bigint[]) and state in ('succeeded', 'failed', 'cancelled', 'skipped', 'lost')
order by run_id, position
