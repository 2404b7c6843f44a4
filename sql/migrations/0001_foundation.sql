-- The foundation: people, repositories, what came in, runs and their parts, workers and leases, logs, artifacts, and
-- the tables that delivery needs. States are text under a check; tests/integration compares the checks with the lists
-- in server/engine/states.h.
--
-- Rows that pages follow carry `changed`, the transaction that wrote them last: a reader that remembers
-- pg_snapshot_xmin() of its last look and asks for changed >= that misses nothing, whatever order transactions commit in.

-- Raises PS001 when a guarded write met a state that was no longer there. An update of zero rows is no error and would
-- let the rest of its batch commit; this is.
create function expect_rows(actual bigint, expected bigint, what text) returns void
language plpgsql as $$
begin
	if actual is distinct from expected then
		raise exception '% is stale: % rows where % were expected', what, actual, expected using errcode = 'PS001';
	end if;
end
$$;

create table account (
	id bigint generated always as identity primary key,
	name text not null unique check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
	display_name text not null default '',
	email text not null default '',
	password_hash text, -- argon2id by libsodium; null: cannot log in by password
	role text not null check (role in ('viewer', 'developer', 'operator', 'admin')),
	is_disabled boolean not null default false,
	created_at timestamptz not null default now()
);
create unique index account_email on account (lower(email)) where email <> '';

create table account_group (
	account_id bigint not null references account on delete cascade,
	name text not null check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
	primary key (account_id, name)
);
create index account_group_name on account_group (name);

-- API tokens, worker tokens and browser sessions: only hashes are kept.
create table token (
	id bigint generated always as identity primary key,
	kind text not null check (kind in ('api', 'worker', 'session')),
	name text not null,
	hash bytea not null unique, -- SHA-256 of the token
	account_id bigint references account on delete cascade, -- null for workers
	csrf text not null default '',
	created_at timestamptz not null default now(),
	expires_at timestamptz,
	used_at timestamptz
);

create table repository (
	id bigint generated always as identity primary key,
	name text not null check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'),
	forge text not null default 'git' check (forge in ('git', 'github', 'gitlab', 'gitea')),
	url text not null,
	default_branch text not null default '',
	hook_secret bytea, -- sealed by the key outside the database
	hook_secret_old bytea,
	hook_secret_rotated_at timestamptz,
	run_count bigint not null default 0,
	created_at timestamptz not null default now(),
	removed_at timestamptz,
	fetched_at timestamptz,
	problem text not null default ''
);
create unique index repository_name on repository (name) where removed_at is null;

-- The refs as they were when last looked at: what a poll compares with.
create table repository_ref (
	repository_id bigint not null references repository on delete cascade,
	name text not null,
	commit text not null, -- what its latest trigger was for
	polled_commit text, -- seen by a poll, no webhook told of it yet
	polled_at timestamptz,
	primary key (repository_id, name)
);

-- A webhook delivery as it came in: stored, answered, then processed.
create table delivery (
	id bigint generated always as identity primary key,
	repository_id bigint not null references repository,
	delivery_key text not null, -- the forge's id of it
	event text not null,
	body jsonb not null,
	state text not null default 'stored' check (state in ('stored', 'done', 'failed')),
	problem text not null default '',
	tries integer not null default 0,
	next_at timestamptz not null default now(),
	received_at timestamptz not null default now(),
	unique (repository_id, delivery_key)
);
create index delivery_stored on delivery (next_at) where state = 'stored';

-- One ref update, manual request, schedule: becomes its runs, or a recorded reason why not, in one transaction.
create table trigger (
	id bigint generated always as identity primary key,
	repository_id bigint not null references repository,
	delivery_id bigint references delivery,
	event text not null check (event in ('push', 'tag', 'pull_request', 'manual', 'schedule')),
	pipeline text, -- null: every pipeline whose `on` matches
	ref text not null,
	before text not null default '',
	commit text not null default '',
	is_deleted boolean not null default false,
	actor text not null default '',
	account_id bigint references account,
	inputs jsonb not null default '{}',
	options text[] not null default '{}',
	rerun_of bigint, -- run again: the run that it repeats
	dedup_key text unique, -- of a schedule: one firing per due time
	state text not null default 'pending' check (state in ('pending', 'done', 'skipped', 'failed')),
	reason text not null default '',
	tries integer not null default 0,
	next_at timestamptz not null default now(),
	created_at timestamptz not null default now()
);
create index trigger_pending on trigger (next_at) where state = 'pending';
create index trigger_recent on trigger (repository_id, id desc);

create table plan (
	id bigint generated always as identity primary key,
	hash text not null unique,
	body jsonb not null
);

create table service (
	id bigint generated always as identity primary key,
	name text not null unique,
	repository_id bigint not null references repository,
	version bigint not null default 1 -- of the aggregate
);

create table environment (
	id bigint generated always as identity primary key,
	name text not null unique,
	tier text not null,
	position integer not null,
	lane_mode text not null default 'newest' check (lane_mode in ('newest', 'fifo')),
	settings jsonb not null default '{}',
	version bigint not null default 1
);

create table target (
	id bigint generated always as identity primary key,
	environment_id bigint not null references environment,
	name text not null,
	settings jsonb not null default '{}',
	is_exclusive boolean not null default false,
	unique (environment_id, name)
);

create table run (
	id bigint generated always as identity primary key,
	repository_id bigint not null references repository,
	number bigint not null,
	pipeline text not null,
	kind text not null default 'normal' check (kind in ('normal', 'rollback')),
	state text not null check (state in ('pending', 'running', 'waiting', 'succeeded', 'failed', 'cancelled', 'superseded',
		'rolled_back')),
	version bigint not null default 1, -- of the aggregate: every decision bumps it
	trigger_id bigint references trigger,
	rerun_of bigint references run,
	plan_id bigint references plan, -- null: the file was broken, see errors
	event text not null,
	ref text not null,
	branch text not null default '',
	tag text not null default '',
	commit text not null,
	before text not null default '',
	title text not null default '',
	author text not null default '',
	author_email text not null default '',
	actor text not null default '',
	account_id bigint references account,
	inputs jsonb not null default '{}',
	errors jsonb not null default '[]',
	reason text not null default '',
	waiting_for text not null default '',
	has_warnings boolean not null default false,
	concurrency_group text not null default '',
	ending text not null default '' check (ending in ('', 'cancelled', 'superseded')), -- asked for; jobs still run out
	created_at timestamptz not null default now(),
	started_at timestamptz,
	ended_at timestamptz,
	changed xid8 not null default pg_current_xact_id(),
	unique (repository_id, number),
	unique (trigger_id, pipeline)
);
create index run_recent on run (id desc);
create index run_of_repository on run (repository_id, id desc);
create index run_of_state on run (state, id desc);
create index run_changed on run (changed);
create index run_open on run (id) where state in ('pending', 'running', 'waiting');

create table stage (
	id bigint generated always as identity primary key,
	run_id bigint not null references run on delete cascade,
	position integer not null,
	name text not null,
	kind text not null check (kind in ('jobs', 'environment', 'gate')),
	state text not null check (state in ('blocked', 'gated', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped',
		'superseded', 'rolled_back')),
	environment text not null default '',
	reason text not null default '',
	started_at timestamptz,
	ended_at timestamptz,
	changed xid8 not null default pg_current_xact_id(),
	unique (run_id, position)
);

create table gate (
	id bigint generated always as identity primary key,
	run_id bigint not null references run on delete cascade,
	stage_id bigint not null references stage on delete cascade,
	state text not null check (state in ('open', 'granted', 'refused', 'expired', 'void')),
	commit text not null,
	stage_hash text not null, -- what it is bound to
	reason text not null default '',
	opened_at timestamptz not null,
	expires_at timestamptz,
	decided_at timestamptz,
	changed xid8 not null default pg_current_xact_id()
);
create unique index gate_open on gate (stage_id) where state in ('open', 'granted');
create index gate_of_run on gate (run_id);
create index gate_expiry on gate (expires_at) where state = 'open';

create table decision (
	id bigint generated always as identity primary key,
	gate_id bigint not null references gate on delete cascade,
	account_id bigint not null references account,
	verdict text not null check (verdict in ('approve', 'reject')),
	comment text not null default '',
	groups text[] not null default '{}', -- of the person, when deciding
	decided_at timestamptz not null,
	unique (gate_id, account_id)
);

create table wave (
	id bigint generated always as identity primary key,
	stage_id bigint not null references stage on delete cascade,
	position integer not null,
	state text not null check (state in ('pending', 'deploying', 'verifying', 'baking', 'succeeded', 'failed', 'superseded',
		'rolled_back')),
	bake_until timestamptz,
	unique (stage_id, position)
);

create table label_set (
	id bigint generated always as identity primary key,
	labels text[] not null unique -- sorted
);

create table worker (
	id bigint generated always as identity primary key,
	name text not null unique,
	state text not null default 'online' check (state in ('online', 'draining', 'offline')),
	instance text not null,
	version text not null,
	labels text[] not null default '{}',
	slots integer not null,
	profile text not null check (profile in ('full', 'user')),
	layers jsonb not null default '[]',
	token_id bigint references token on delete set null,
	registered_at timestamptz not null default now(),
	seen_at timestamptz not null default now()
);

create table job (
	id bigint generated always as identity primary key,
	run_id bigint not null references run on delete cascade,
	stage_id bigint not null references stage on delete cascade,
	wave_id bigint references wave,
	position integer not null, -- in the run
	key text not null,
	state text not null check (state in ('blocked', 'queued', 'leased', 'running', 'succeeded', 'failed', 'cancelled', 'skipped',
		'lost')),
	attempt integer not null default 0, -- number of the latest lease: the fencing token
	retries integer not null default 0, -- automatic ones used since the last explicit one
	label_set_id bigint not null references label_set,
	needs_full boolean not null default false,
	allow_failure boolean not null default false,
	priority integer not null default 0,
	reason text not null default '',
	exit_code integer,
	message text not null default '',
	outputs jsonb not null default '{}',
	worker_id bigint references worker,
	cancel_reason text, -- not null: its attempt is asked to end
	queued_at timestamptz,
	started_at timestamptz,
	ended_at timestamptz,
	changed xid8 not null default pg_current_xact_id(),
	unique (run_id, position),
	unique (run_id, key)
);
create index job_queued on job (priority desc, id) where state = 'queued';
create index job_of_stage on job (stage_id);
create index job_cancelling on job (worker_id) where cancel_reason is not null and state in ('leased', 'running');

-- One try at a job. The rows are facts: written by claims and reports under (job, number, state), read by the engine.
create table attempt (
	job_id bigint not null references job on delete cascade,
	number integer not null check (number > 0),
	run_id bigint not null,
	worker_id bigint not null references worker,
	instance text not null, -- of the worker's process
	state text not null check (state in ('leased', 'running', 'ended')),
	is_applied boolean not null default false, -- the engine has seen its end
	reason text not null default '' check (reason in ('', 'exit', 'signal', 'timeout', 'out_of_memory', 'too_many_processes',
		'disk_full', 'log_limit', 'sandbox_unavailable', 'worker_lost', 'cancelled', 'source_unavailable', 'artifact_failed')),
	exit_code integer,
	signal integer,
	message text not null default '',
	outputs jsonb not null default '{}',
	steps jsonb not null default '{}', -- index: {state, exit_code, started_at, ended_at, line}
	profile text not null default '',
	cpu_us bigint not null default 0,
	memory_bytes bigint not null default 0,
	leased_at timestamptz not null,
	lease_until timestamptz not null,
	started_at timestamptz,
	ended_at timestamptz,
	log_bytes bigint not null default 0, -- raw bytes stored: the next frame must begin here
	log_lines bigint not null default 0,
	log_blob text, -- sealed: SHA-256 of the blob that holds all frames
	log_index jsonb, -- of the sealed log: [[first line, raw offset, blob offset], ...]
	primary key (job_id, number)
);
create index attempt_lease on attempt (lease_until) where state <> 'ended';
create index attempt_unapplied on attempt (run_id) where state = 'ended' and not is_applied;
create index attempt_unsealed on attempt (ended_at) where state = 'ended' and log_blob is null and log_bytes > 0;
create index attempt_of_worker on attempt (worker_id) where state <> 'ended';

create table log_frame (
	job_id bigint not null,
	attempt integer not null,
	log_offset bigint not null, -- raw bytes before it
	first_line bigint not null, -- number of line ends before it
	raw_bytes integer not null,
	lines integer not null,
	data bytea not null, -- one zstd frame
	at timestamptz not null,
	primary key (job_id, attempt, log_offset, at)
) partition by range (at);
alter table log_frame alter column data set storage external; -- compressed already

-- Days are made ahead and dropped when no unsealed log is left in them.
create function log_frame_make_day(day date) returns void
language plpgsql as $$
begin
	perform pg_advisory_xact_lock(hashtext('log_frame_make_day'));
	if to_regclass('log_frame_' || to_char(day, 'YYYYMMDD')) is null then
		execute format('create table log_frame_%s partition of log_frame for values from (%L) to (%L)', to_char(day, 'YYYYMMDD'),
			day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
	end if;
end
$$;

-- Answers how many days were dropped. Their rows were deleted when their logs were sealed; a day that still holds one stays.
create function log_frame_drop_days() returns bigint
language plpgsql set lock_timeout = '2s' as $$
declare
	day regclass;
	is_used boolean;
	dropped bigint := 0;
begin
	perform pg_advisory_xact_lock(hashtext('log_frame_make_day'));
	for day in select i.inhrelid::regclass from pg_inherits i join pg_class c on c.oid = i.inhrelid
		where i.inhparent = 'log_frame'::regclass
			and c.relname < 'log_frame_' || to_char((now() at time zone 'UTC')::date - 2, 'YYYYMMDD')
	loop
		execute format('select exists (select from %s)', day) into is_used;
		if not is_used then
			execute format('drop table %s', day);
			dropped := dropped + 1;
		end if;
	end loop;
	return dropped;
end
$$;

create table blob (
	sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
	size_bytes bigint not null,
	created_at timestamptz not null default now()
);

create table artifact (
	id bigint generated always as identity primary key,
	run_id bigint not null references run on delete cascade,
	job_id bigint not null references job on delete cascade,
	attempt integer not null,
	path text not null,
	report text not null default '',
	sha256 text not null references blob,
	size_bytes bigint not null,
	mode integer not null default 420,
	created_at timestamptz not null default now(),
	expires_at timestamptz,
	unique (job_id, attempt, report, path)
);
create index artifact_of_run on artifact (run_id);

-- Lanes of services in environments, and concurrency groups, which are lanes too.
create table lane (
	id bigint generated always as identity primary key,
	kind text not null check (kind in ('group', 'environment')),
	key text not null,
	mode text not null check (mode in ('newest', 'fifo')),
	version bigint not null default 1,
	epoch bigint not null default 0, -- of the last grant
	unique (kind, key)
);

create table lane_request (
	id bigint generated always as identity primary key,
	lane_id bigint not null references lane,
	run_id bigint not null references run on delete cascade,
	stage_id bigint references stage on delete cascade,
	priority integer not null default 0,
	cancels boolean not null default false, -- ends the run that holds the lane
	state text not null default 'waiting' check (state in ('waiting', 'granted', 'revoked', 'superseded', 'released')),
	epoch bigint,
	superseded_by bigint references run,
	requested_at timestamptz not null default now(),
	granted_at timestamptz,
	released_at timestamptz
);
create unique index lane_holder on lane_request (lane_id) where state in ('granted', 'revoked');
create index lane_request_open on lane_request (lane_id, id) where state in ('waiting', 'granted', 'revoked');
create index lane_request_of_run on lane_request (run_id);

-- What is deployed: fixed once in a run, used in every environment.
create table version (
	id bigint generated always as identity primary key,
	service_id bigint not null references service,
	name text not null,
	commit text not null,
	run_id bigint not null references run,
	job_id bigint references job,
	created_at timestamptz not null default now(),
	unique (service_id, name)
);

create table deployment (
	id bigint generated always as identity primary key,
	run_id bigint not null references run,
	stage_id bigint not null references stage,
	wave_id bigint not null references wave,
	service_id bigint not null references service,
	target_id bigint not null references target,
	version_id bigint not null references version,
	previous_version_id bigint references version,
	job_id bigint references job,
	state text not null check (state in ('pending', 'running', 'verifying', 'live', 'failed', 'superseded', 'rolled_back',
		'unknown')),
	lane_epoch bigint not null,
	started_at timestamptz,
	ended_at timestamptz
);
create index deployment_of_target on deployment (service_id, target_id, id desc);

-- One deployment at a time on (service, target) as a fact of the database.
create table target_lock (
	service_id bigint not null references service,
	target_id bigint not null references target,
	deployment_id bigint not null references deployment,
	primary key (service_id, target_id)
);

create table quarantine (
	id bigint generated always as identity primary key,
	service_id bigint not null references service,
	environment_id bigint not null references environment,
	version_id bigint not null references version,
	reason text not null,
	created_at timestamptz not null default now(),
	released_at timestamptz,
	released_by bigint references account,
	release_reason text
);

-- What happened, in order; told in the same transaction as the change itself.
create table event (
	id bigint generated always as identity primary key,
	xid xid8 not null default pg_current_xact_id(),
	run_id bigint references run on delete cascade,
	kind text not null,
	body jsonb not null,
	at timestamptz not null default now()
);
create index event_of_run on event (run_id, id);

-- Messages for the world outside: sent at least once, in order of their key.
create table outbox (
	id bigint generated always as identity primary key,
	kind text not null,
	key text not null,
	body jsonb not null,
	tries integer not null default 0,
	next_at timestamptz not null default now(),
	sent_at timestamptz,
	problem text not null default '',
	created_at timestamptz not null default now()
);
create index outbox_due on outbox (next_at) where sent_at is null;

-- Work that one coordinator at a time does: claimed with skip locked when due.
create table timer (
	kind text not null,
	key text not null default '',
	due_at timestamptz not null,
	primary key (kind, key)
);
create index timer_due on timer (due_at);

create table audit (
	id bigint generated always as identity primary key,
	at timestamptz not null default now(),
	actor text not null,
	action text not null,
	object text not null,
	body jsonb not null default '{}',
	chain bytea -- linked by the chainer behind the inserts
);
create index audit_unchained on audit (id) where chain is null;

-- A run as lists and pages show it.
create view run_summary as
select r.id, p.name as repository, r.number, p.name || '#' || r.number as name, r.pipeline, r.kind, r.state, r.event, r.ref, r.branch, r.tag,
	r.commit, r.title, r.author, r.actor, r.reason, r.has_warnings, r.waiting_for, r.created_at, r.started_at, r.ended_at, r.version,
	r.repository_id, r.changed
from run r join repository p on p.id = r.repository_id;
