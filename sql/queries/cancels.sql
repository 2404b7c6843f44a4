-- $1 workers. Attempts that they are asked to end.
select j.worker_id as worker, j.id as job, j.attempt, j.cancel_reason as reason from job j
where j.worker_id = any($1::bigint[]) and j.cancel_reason is not null and j.state in ('leased', 'running')
