-- Limits that several servers share, and an end that no worker reports.

alter table attempt
	drop constraint attempt_reason_check,
	add constraint attempt_reason_check check (reason in ('', 'exit', 'signal', 'timeout', 'out_of_memory', 'too_many_processes',
		'disk_full', 'log_limit', 'sandbox_unavailable', 'worker_lost', 'cancelled', 'source_unavailable', 'artifact_failed',
		'expression_failed'));
