-- Alarms: what each is, the samples that say so, and how it came about.

-- Written under its version by whoever took a sample; what has no row was never sampled.
create table alarm_state (
	name text primary key,
	definition text not null, -- digest of what the configuration says of it: another one begins anew
	state text not null check (state in ('unknown', 'ok', 'firing')),
	since timestamptz not null,
	pending_since timestamptz, -- a breach that has not lasted yet
	fired_at timestamptz, -- the episode began: kept while it is unknown in between
	sampled_at timestamptz,
	misses integer not null default 0, -- samples in a row that told nothing
	outcome text not null default '' check (outcome in ('', 'fine', 'breach', 'no_data', 'error')), -- of the last sample
	value double precision,
	message text not null default '',
	is_dry_run boolean not null default false,
	look_at timestamptz, -- time alone may change it then
	version bigint not null default 1,
	changed xid8 not null default pg_current_xact_id()
);
create index alarm_state_look on alarm_state (look_at) where look_at is not null;
create index alarm_state_changed on alarm_state (changed);

create table alarm_sample (
	alarm text not null,
	at timestamptz not null, -- when it was begun
	outcome text not null check (outcome in ('fine', 'breach', 'no_data', 'error')),
	value double precision,
	message text not null default ''
);
create index alarm_sample_of_alarm on alarm_sample (alarm, at desc);
create index alarm_sample_age on alarm_sample (at);

create table alarm_change (
	id bigint generated always as identity primary key,
	alarm text not null,
	at timestamptz not null,
	was text not null,
	state text not null,
	value double precision,
	message text not null,
	is_dry_run boolean not null
);
create index alarm_change_of_alarm on alarm_change (alarm, id desc);
create index alarm_change_age on alarm_change (at);

-- What Alertmanager last said is firing, whether or not an alarm wants it: one that is made later finds it.
create table alarm_alert (
	fingerprint text primary key,
	labels jsonb not null,
	since timestamptz not null default now(),
	seen_at timestamptz not null default now()
);

-- Of those who tell: by the alarm's name; "alertmanager" is every Alertmanager's.
create table alarm_secret (
	name text primary key,
	secret bytea not null, -- sealed by the key outside the database
	secret_old bytea, -- before the last rotation, for a day
	rotated_at timestamptz not null default now()
);

insert into timer (kind, due_at) values ('alarm_prune', now() + interval '10 min') on conflict do nothing;
