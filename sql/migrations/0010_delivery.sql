-- Delivery: what environment stages add to the foundation's tables.

alter table run drop constraint run_ending_check;
alter table run add constraint run_ending_check check (ending in ('', 'cancelled', 'superseded', 'rolled_back'));

alter table trigger drop constraint trigger_event_check;
alter table trigger add constraint trigger_event_check
	check (event in ('push', 'tag', 'pull_request', 'manual', 'schedule', 'rollback', 'deploy'));

alter table stage
	add column service text not null default '',
	add column version text not null default '', -- fixed when its turn came
	add column alarms text[] not null default '{}';
create index stage_delivering on stage (service, environment) where kind = 'environment' and state in ('gated', 'queued', 'running');

alter table wave
	add column held text not null default '', -- why it does not go on
	add column started_at timestamptz,
	add column baking_since timestamptz,
	add column ended_at timestamptz;

alter table job add column commit text not null default ''; -- a rollback's: the commit whose scripts it runs

alter table deployment
	add column baked_at timestamptz, -- its wave baked clean: something to go back to
	add column changed xid8 not null default pg_current_xact_id();
create index deployment_open on deployment (stage_id) where state in ('pending', 'running', 'verifying', 'unknown');

alter table quarantine
	add column run_id bigint references run, -- whose deployment condemned it
	add column created_by bigint references account;
create unique index quarantine_open on quarantine (service_id, environment_id, version_id) where released_at is null;

-- Microseconds, as the engine counts.
create function us(at timestamptz) returns bigint
language sql immutable as $$ select coalesce((extract(epoch from at) * 1000000)::bigint, 0) $$;

-- The lane of a service in an environment, made when first asked for.
create function lane_of(service text, environment text, lane_mode text) returns bigint
language plpgsql as $$
declare
	found bigint;
begin
	insert into lane (kind, key, mode) values ('environment', service || '@' || environment, lane_mode)
	on conflict (kind, key) do update set mode = excluded.mode
	returning id into found;
	return found;
end
$$;

-- A version of a service, made when it is first deployed.
create function version_of(service text, name_ text, run bigint) returns bigint
language plpgsql as $$
declare
	found bigint;
begin
	select v.id into found from version v join service s on s.id = v.service_id where s.name = service and v.name = name_;
	if found is null then
		insert into version (service_id, name, commit, run_id)
		select s.id, name_, r.commit, r.id from service s, run r where s.name = service and r.id = run
		on conflict (service_id, name) do update set name = excluded.name
		returning id into found;
	end if;
	return found;
end
$$;

-- What each target runs: the version that reached it last. One that was condemned is there until another one comes.
create view live as
select distinct on (d.service_id, d.target_id) d.service_id, d.target_id, d.version_id, d.run_id, d.id as deployment_id, d.state,
	d.ended_at as since, d.baked_at
from deployment d where d.state in ('live', 'rolled_back') and d.started_at is not null
order by d.service_id, d.target_id, d.id desc;

create function at_us(us bigint) returns timestamptz
language sql immutable as $$ select case when us > 0 then timestamptz 'epoch' + us * interval '1 microsecond' end $$;

-- Plans of before showed deliveries that nothing ran, in a shape of their own.
update plan set body = jsonb_set(body - 'deploy', '{stages}', (select jsonb_agg(s - 'delivery') from jsonb_array_elements(body->'stages') s))
where body ? 'deploy';
