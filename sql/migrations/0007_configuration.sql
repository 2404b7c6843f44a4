-- The configuration document, what it says of services, environments, targets and groups as rows for others to refer to,
-- and stops of the line.

-- Each applied text, comments and all; the newest is in force.
create table configuration (
	version bigint primary key check (version > 0),
	body text not null,
	applied_at timestamptz not null default now(),
	applied_by bigint references account,
	comment text not null default '',
	reverted_from bigint references configuration -- the version whose text this is again
);

-- Rows stay when the document drops them: versions and deployments refer to them.
alter table service add column removed_at timestamptz;
alter table environment add column removed_at timestamptz;
alter table target add column removed_at timestamptz;

create table configured_service (
	name text primary key,
	repository text not null
);

-- Members by name, since an account may be made after its group; no row at all: groups are not managed by the document.
create table configured_member (
	group_name text not null,
	account_name text not null,
	primary key (account_name, group_name)
);
create table configured_groups (
	is_only_row boolean primary key default true check (is_only_row),
	is_managed boolean not null
);
insert into configured_groups (is_managed) values (false);

-- Every repository is a service of its name, but where the document says otherwise.
create view wanted_service as
select c.name, r.id as repository_id from configured_service c join repository r on r.name = c.repository and r.removed_at is null
union all
select r.name, r.id from repository r
where r.removed_at is null and not exists (select from configured_service c where c.name = r.name);

create function sync_services() returns void
language plpgsql as $$
begin
	insert into service as s (name, repository_id) select name, repository_id from wanted_service
	on conflict (name) do update set repository_id = excluded.repository_id, removed_at = null, version = s.version + 1
		where s.removed_at is not null or s.repository_id <> excluded.repository_id;
	update service s set removed_at = now(), version = s.version + 1
	where s.removed_at is null and not exists (select from wanted_service w where w.name = s.name);
end
$$;

create function repository_serves() returns trigger
language plpgsql as $$
begin
	perform sync_services();
	return null;
end
$$;
create trigger repository_is_service after insert or update of name, removed_at on repository
	for each statement execute function repository_serves();

-- An account that is made later is in the groups that already name it.
create function account_joins() returns trigger
language plpgsql as $$
begin
	insert into account_group (account_id, name)
	select new.id, m.group_name from configured_member m where m.account_name = new.name on conflict do nothing;
	return null;
end
$$;
create trigger account_joins_groups after insert on account for each row execute function account_joins();

-- What would be torn down while something is deployed there: one row each.
create function configuration_obstacles(said jsonb)
returns table (environment text, target text, run text, stage text, what text)
language sql stable as $$
	with gone_environment as (
		select e.id, e.name from environment e
		where e.removed_at is null and not coalesce(said->'environments' ? e.name, false)),
	gone_target as (
		select t.id, t.name, e.id as environment_id, e.name as environment
		from target t join environment e on e.id = t.environment_id
		where t.removed_at is null and e.removed_at is null
			and not coalesce(said->'environments'->e.name->'targets' ? t.name, false)),
	touched as (
		select distinct environment as name from gone_target union select name from gone_environment)
	select e.name, t.name, p.name || '#' || r.number, s.name, d.state
	from gone_target t join deployment d on d.target_id = t.id and d.state in ('pending', 'running', 'verifying', 'unknown')
	join run r on r.id = d.run_id join repository p on p.id = r.repository_id join stage s on s.id = d.stage_id
	join environment e on e.id = t.environment_id
	union
	select s.environment, '', p.name || '#' || r.number, s.name, 'lane'
	from lane_request q join lane l on l.id = q.lane_id and l.kind = 'environment'
	join stage s on s.id = q.stage_id join touched x on x.name = s.environment
	join run r on r.id = q.run_id join repository p on p.id = r.repository_id
	where q.state in ('granted', 'revoked')
	order by 1, 2, 3
$$;

-- Environments and targets as the document says; rows that change bump the environment's version, which whoever decides
-- by it compares.
create function project_environments(said jsonb) returns void
language plpgsql as $$
begin
	insert into environment as e (name, tier, position, lane_mode, settings)
	select x.key, coalesce(x.value->>'tier', ''), (x.value->>'order')::integer,
		coalesce(x.value->>'lane', 'newest'), x.value - 'targets'
	from jsonb_each(coalesce(said->'environments', '{}')) x -- each with an order: jsonb keeps none
	on conflict (name) do update set tier = excluded.tier, position = excluded.position, lane_mode = excluded.lane_mode,
		settings = excluded.settings, removed_at = null, version = e.version + 1
		where (e.tier, e.position, e.lane_mode, e.settings, e.removed_at is null)
			is distinct from (excluded.tier, excluded.position, excluded.lane_mode, excluded.settings, true);
	update environment e set removed_at = now(), version = version + 1
	where removed_at is null and not coalesce(said->'environments' ? e.name, false);
	with said_target as (
		select e.id as environment_id, x.key as name, x.value as settings, coalesce((x.value->>'exclusive')::boolean, false) as is_exclusive
		from environment e, jsonb_each(coalesce(said->'environments'->e.name->'targets', '{}')) x where e.removed_at is null),
	saved as (
		insert into target as t (environment_id, name, settings, is_exclusive)
		select environment_id, name, settings, is_exclusive from said_target
		on conflict (environment_id, name) do update set settings = excluded.settings, is_exclusive = excluded.is_exclusive,
			removed_at = null
			where (t.settings, t.is_exclusive, t.removed_at is null)
				is distinct from (excluded.settings, excluded.is_exclusive, true)
		returning environment_id),
	gone as (
		update target t set removed_at = now() where t.removed_at is null and not exists (
			select from said_target x where x.environment_id = t.environment_id and x.name = t.name)
		returning environment_id)
	update environment e set version = version + 1
	where e.id in (select environment_id from saved union select environment_id from gone);
end
$$;

create function project_groups(said jsonb) returns void
language plpgsql as $$
begin
	delete from configured_member;
	update configured_groups set is_managed = said ? 'groups';
	if not said ? 'groups' then
		return;
	end if;
	insert into configured_member (group_name, account_name)
	select x.key, m from jsonb_each(said->'groups') x, jsonb_array_elements_text(x.value) m;
	delete from account_group g using account a
	where a.id = g.account_id and not exists (
		select from configured_member m where m.account_name = a.name and m.group_name = g.name);
	insert into account_group (account_id, name)
	select a.id, m.group_name from configured_member m join account a on a.name = m.account_name on conflict do nothing;
end
$$;

-- Applies a text on top of the version that its author saw. No row: somebody else was faster. A row with obstacles: nothing was
-- changed.
create function apply_configuration(expected bigint, said_body text, said jsonb, actor bigint, said_comment text, from_version bigint)
returns table (in_force bigint, obstacles jsonb)
language plpgsql as $$
declare
	found_obstacles jsonb;
begin
	lock table configuration in exclusive mode;
	if expected is distinct from (select coalesce(max(c.version), 0) from configuration c) then
		return;
	end if;
	-- A deployment that is being made refers to its target: it waits here and then does not find it, or it is seen below.
	perform from target t where t.removed_at is null order by t.id for update;
	select jsonb_agg(o) into found_obstacles from configuration_obstacles(said) o;
	if found_obstacles is not null then
		return query select expected, found_obstacles;
		return;
	end if;
	insert into configuration (version, body, applied_by, comment, reverted_from)
	values (expected + 1, said_body, actor, said_comment, from_version);
	delete from configured_service;
	insert into configured_service (name, repository)
	select x.key, coalesce(x.value->>'repository', x.key) from jsonb_each(coalesce(said->'services', '{}')) x;
	perform sync_services();
	perform project_environments(said);
	perform project_groups(said);
	insert into audit (actor, action, object, body)
	select a.name, case when from_version is null then 'configuration.apply' else 'configuration.revert' end,
		'configuration ' || expected + 1, jsonb_strip_nulls(jsonb_build_object('comment', nullif(said_comment, ''), 'of', from_version))
	from account a where a.id = actor;
	return query select expected + 1, '[]'::jsonb;
end
$$;

select sync_services();

-- Stop-the-line: nothing new is deployed there until somebody lifts it.
create table blocker (
	id bigint generated always as identity primary key,
	service text not null default '', -- a name; empty: every service
	environment text not null default '', -- a name; empty: every environment
	reason text not null check (reason <> ''),
	placed_by bigint references account,
	placed_at timestamptz not null default now(),
	lifted_by bigint references account,
	lifted_at timestamptz,
	lift_reason text not null default ''
);
create index blocker_standing on blocker (id) where lifted_at is null;
