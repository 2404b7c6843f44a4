-- Attempts whose worker went silent.
update attempt set state = 'ended', reason = 'worker_lost', ended_at = now(),
	message = 'its worker went silent for longer than the lease'
where state <> 'ended' and lease_until < now()
returning run_id as run
