-- Figures for /metrics.
select (select count(*) from run where state = 'pending') as runs_pending, (select count(*) from run where state = 'running') as runs_running,
	(select count(*) from run where state = 'waiting') as runs_waiting, (select count(*) from job where state = 'queued') as jobs_queued,
	(select count(*) from attempt where state <> 'ended') as jobs_held,
	coalesce((select extract(epoch from now() - min(queued_at)) from job where state = 'queued'), 0)::float8 as oldest_queued_seconds,
	(select count(*) from worker where state = 'online') as workers_online, (select count(*) from worker where state = 'draining') as workers_draining,
	(select count(*) from delivery where state = 'stored') as deliveries_stored, (select count(*) from trigger where state = 'pending') as triggers_pending,
	(select count(*) from attempt where state = 'ended' and log_blob is null and log_bytes > 0) as logs_unsealed,
	(select count(*) from outbox where sent_at is null) as outbox_unsent
