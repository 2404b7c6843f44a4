-- Limits that several servers share, and an end that no worker reports.

alter table attempt
	drop constraint attempt_reason_check,
	add constraint attempt_reason_check check (reason in ('', 'exit', 'signal', 'timeout', 'out_of_memory', 'too_many_processes',
		'disk_full', 'log_limit', 'sandbox_unavailable', 'worker_lost', 'cancelled', 'source_unavailable', 'artifact_failed',
		'expression_failed'));

-- How often a password may be guessed, for all servers together. A crash may forget it.
create unlogged table login_try (
	key bytea primary key, -- hash of an address, or of a name and an address
	calm_at timestamptz not null -- all its tries are forgotten by then
);
create index login_try_calm on login_try (calm_at);
create index token_expiry on token (expires_at) where expires_at is not null;

insert into timer (kind, due_at) values ('tidy', now()) on conflict do nothing;
