-- Schedules, and what retention may remove.

-- The `on: schedule` lines of a repository's default branch.
create table schedule (
	id bigint generated always as identity primary key,
	repository_id bigint not null references repository on delete cascade,
	pipeline text not null,
	cron text not null,
	time_zone text not null,
	due_at timestamptz, -- the next one; null: never, see problem
	look_at timestamptz, -- when a coordinator takes it up: due_at, or later while one has it in hand
	fired_at timestamptz, -- the due time that was fired last
	problem text not null default '',
	unique (repository_id, pipeline, cron, time_zone)
);
create index schedule_due on schedule (look_at);

-- Whoever moves the default branch need not think of its schedules: they are read again when this time has come.
alter table repository add column schedules_look_at timestamptz;
create index repository_schedules on repository (schedules_look_at) where schedules_look_at is not null;

create function repository_ref_moved() returns trigger
language plpgsql as $$
declare
	moved repository_ref := coalesce(new, old);
begin
	update repository set schedules_look_at = now() where id = moved.repository_id and 'refs/heads/' || default_branch = moved.name;
	return null;
end
$$;
create trigger repository_ref_made after insert or delete on repository_ref for each row execute function repository_ref_moved();
create trigger repository_ref_moved after update of commit on repository_ref for each row when (old.commit is distinct from new.commit)
	execute function repository_ref_moved();

create function repository_branch_named() returns trigger
language plpgsql as $$
begin
	new.schedules_look_at := now();
	return new;
end
$$;
create trigger repository_branch_named before update of default_branch on repository for each row
	when (old.default_branch is distinct from new.default_branch) execute function repository_branch_named();

update repository set schedules_look_at = now() where default_branch <> '';

-- What must not be removed, whatever its age: everything that keeps a run adds its line here. Retention asks nothing else.
create view pinned_run as
select id as run_id, 'unfinished' as reason from run where state in ('pending', 'running', 'waiting')
union all
select run_id, 'open gate' from gate where state = 'open'
union all
select run_id, 'lane' from lane_request where state in ('waiting', 'granted', 'revoked')
union all
select run_id, 'version' from version
union all
select run_id, 'deployment' from deployment;

-- The one rule for runs: over, older than `keep`, not pinned, and not one of the `spared` newest of its pipeline on a branch that is
-- still there (those of tags and pull requests count as one branch).
create function run_may_go(r run, keep interval, spared bigint) returns boolean
language sql stable as $$
	select coalesce(r.ended_at < now() - keep, false)
		and not exists (select from pinned_run p where p.run_id = r.id)
		and ((r.branch <> '' and not exists (
				select from repository_ref f join repository p on p.id = f.repository_id and p.removed_at is null
				where f.repository_id = r.repository_id and f.name = 'refs/heads/' || r.branch))
			or (select count(*) from (
				select from run n where n.repository_id = r.repository_id and n.pipeline = r.pipeline and n.branch = r.branch and n.id > r.id
				order by n.id limit spared) as newer) >= spared)
$$;
create index run_ended on run (ended_at, id) where ended_at is not null;
create index run_of_group on run (repository_id, pipeline, branch, id);

-- A log that was removed has no bytes, and says since when.
alter table attempt
	add column log_removed_at timestamptz,
	add constraint attempt_log_blob_fkey foreign key (log_blob) references blob;
create index attempt_log_blob on attempt (log_blob) where log_blob is not null;
create index attempt_sealed on attempt (ended_at) where log_blob is not null;

-- An artifact that was removed stays as a row without content.
alter table artifact
	alter column sha256 drop not null,
	add column removed_at timestamptz,
	add constraint artifact_removed check ((sha256 is null) = (removed_at is not null));
create index artifact_blob on artifact (sha256) where sha256 is not null;
create index artifact_expiry on artifact (expires_at) where removed_at is null and expires_at is not null;
create index artifact_age on artifact (created_at) where removed_at is null and expires_at is null;

-- A blob is touched before its file is put in place and whenever a worker hears that it is here. One that nothing names and nobody
-- touched for long is doomed, its file removed, and its row after that: from then on it can be uploaded again.
alter table blob
	add column touched_at timestamptz not null default now(),
	add column is_doomed boolean not null default false;
create index blob_touched on blob (touched_at);

-- What goes with a run goes fast, and what only mentions it forgets it.
alter table run
	drop constraint run_rerun_of_fkey,
	add constraint run_rerun_of_fkey foreign key (rerun_of) references run on delete set null;
create index run_rerun_of on run (rerun_of) where rerun_of is not null;
create index run_of_plan on run (plan_id) where plan_id is not null;
alter table lane_request
	drop constraint lane_request_superseded_by_fkey,
	add constraint lane_request_superseded_by_fkey foreign key (superseded_by) references run on delete set null;
create index lane_request_superseded_by on lane_request (superseded_by) where superseded_by is not null;
create index lane_request_of_stage on lane_request (stage_id) where stage_id is not null;
create index gate_of_stage on gate (stage_id);
create index job_of_wave on job (wave_id) where wave_id is not null;
create index version_of_run on version (run_id);
create index version_of_job on version (job_id) where job_id is not null;
create index deployment_of_run on deployment (run_id);
create index deployment_of_stage on deployment (stage_id);
create index deployment_of_wave on deployment (wave_id);
create index deployment_of_job on deployment (job_id) where job_id is not null;
create index trigger_of_delivery on trigger (delivery_id) where delivery_id is not null;
create index trigger_age on trigger (created_at);
create index delivery_age on delivery (received_at);
create index outbox_sent on outbox (sent_at) where sent_at is not null;
