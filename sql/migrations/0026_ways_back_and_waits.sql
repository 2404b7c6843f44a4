-- From a run that was condemned to its way back, and from there to what was condemned.
alter table trigger add column about_run_id bigint references run on delete set null; -- of a rollback: the run whose version is condemned
create index trigger_about_run on trigger (about_run_id) where about_run_id is not null;
update trigger t set about_run_id = q.run_id from quarantine q where t.event = 'rollback' and t.dedup_key = 'rollback/' || q.id;

-- Since when a run waits for what it waits for. What it is stands before the first colon; how far it is, and why, may change behind it.
alter table run add column waiting_since timestamptz;
update run set waiting_since = now() where waiting_for <> '';
create or replace view run_summary as
select r.id, p.name as repository, r.number, p.name || '#' || r.number as name, r.pipeline, r.kind, r.state, r.event, r.ref, r.branch, r.tag,
	r.commit, r.title, r.author, r.actor, r.reason, r.has_warnings, r.waiting_for, r.created_at, r.started_at, r.ended_at, r.version,
	r.repository_id, r.changed, coalesce(r.pull_request, 0) as pull_request, r.head_commit, r.base_commit, r.is_fork, r.waiting_since
from run r join repository p on p.id = r.repository_id;
