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

-- Scripts of alarms are runs of one job that no list shows.

create table alarm_run (
	alarm text primary key,
	run_id bigint not null references run on delete cascade,
	begun_at timestamptz not null
);
create index run_of_alarm on run (ended_at) where event = 'alarm';

-- As before, but for runs of alarms: no commit has a status of theirs.
create or replace function run_tell_forge() returns trigger
language plpgsql as $$
declare
	description text := case new.state when 'waiting' then new.waiting_for else new.reason end;
	is_checked boolean;
begin
	if new.event = 'alarm' or not exists (select 1 from repository where id = new.repository_id and token is not null and api_url <> '') then
		return null;
	end if;
	is_checked := new.event = 'pull_request' and new.state not in ('pending', 'running')
		and exists (select 1 from stage where run_id = new.id and kind = 'gate')
		and not exists (select 1 from job where run_id = new.id and (state in ('blocked', 'queued', 'leased', 'running')
			or (state in ('failed', 'lost', 'cancelled') and not allow_failure)));
	if is_checked then
		perform tell_forge(new, 'review', new.state, description);
		perform tell_forge(new, new.event, 'succeeded', 'the checks have passed');
	else
		perform tell_forge(new, new.event, new.state, description);
	end if;
	return null;
end
$$;
