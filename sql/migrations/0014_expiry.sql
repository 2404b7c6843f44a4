-- What is deployed for a while, and taken down when its time is over.

alter table trigger drop constraint trigger_event_check;
alter table trigger add constraint trigger_event_check
	check (event in ('push', 'tag', 'pull_request', 'manual', 'schedule', 'rollback', 'deploy', 'teardown'));

create table expiry (
	service_id bigint not null references service,
	environment_id bigint not null references environment,
	run_id bigint not null references run, -- that deployed it
	expires_at timestamptz not null,
	next_at timestamptz not null,          -- when it is tried, or tried again
	tries integer not null default 0,
	primary key (service_id, environment_id)
);
create index expiry_due on expiry (next_at);

alter table deployment add column is_teardown boolean not null default false;

-- What each target runs: the version that reached it last. One that was condemned is there until another one comes, or it is taken down.
create or replace view live as
select service_id, target_id, version_id, run_id, deployment_id, state, since, baked_at from (
	select distinct on (d.service_id, d.target_id) d.service_id, d.target_id, d.version_id, d.run_id, d.id as deployment_id, d.state,
		d.ended_at as since, d.baked_at, d.is_teardown
	from deployment d where d.state in ('live', 'rolled_back') and d.started_at is not null
	order by d.service_id, d.target_id, d.id desc) last
where not is_teardown;

create or replace view pinned_run as
select id as run_id, 'unfinished' as reason from run where state in ('pending', 'running', 'waiting')
union all
select run_id, 'open gate' from gate where state = 'open'
union all
select run_id, 'lane' from lane_request where state in ('waiting', 'granted', 'revoked')
union all
select run_id, 'version' from version
union all
select run_id, 'deployment' from deployment
union all
select run_id, 'expiry' from expiry;
