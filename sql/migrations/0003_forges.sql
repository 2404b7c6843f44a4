-- Forges: what a repository has there, pull requests, and what is told back.

alter table repository
	add column project text not null default '', -- the forge's name of it: "owner/name"
	add column api_url text not null default '', -- of the forge's API; with a token, statuses are reported there
	add column token bytea, -- sealed: for https and for the API
	add column token_user text not null default '',
	add column ssh_key bytea, -- sealed
	add column ssh_known_hosts text not null default '', -- the host keys that are accepted, as ssh reads them
	add column ssh_host_keys text[] not null default '{}', -- their fingerprints, for people
	add column report_problem text not null default ''; -- why the last status could not be told

alter table delivery
	drop constraint delivery_state_check,
	add constraint delivery_state_check check (state in ('stored', 'done', 'failed', 'ignored')),
	add column digest bytea; -- of the body, where no two deliveries have the same: a replay under another id
create unique index delivery_digest on delivery (repository_id, digest) where digest is not null;
create index delivery_recent on delivery (repository_id, id desc);

-- As its latest delivery told it; what is merged and run is fetched.
create table pull_request (
	repository_id bigint not null references repository on delete cascade,
	number bigint not null check (number > 0),
	version bigint not null default 1,
	state text not null check (state in ('open', 'closed', 'merged')),
	title text not null default '',
	author text not null default '',
	base text not null default '', -- branches
	head text not null default '',
	is_fork boolean not null default true,
	commit text not null default '', -- of the head, when it was triggered last; "": it was not
	approved_commit text not null default '', -- by a review on the forge
	approved_by text not null default '',
	primary key (repository_id, number)
);

alter table trigger add column pull_request bigint;

alter table run
	add column pull_request bigint,
	add column head_commit text not null default '', -- of a pull request; `commit` is the merge of it into base_commit
	add column base_commit text not null default '',
	add column is_fork boolean not null default false,
	add column abandoned text not null default ''; -- why it ends as soon as it would wait: its pull request is closed, say
create index run_of_pull_request on run (repository_id, pull_request) where pull_request is not null;
create index run_abandoned on run (id) where abandoned <> '' and state in ('pending', 'waiting');

create or replace view run_summary as
select r.id, p.name as repository, r.number, p.name || '#' || r.number as name, r.pipeline, r.kind, r.state, r.event, r.ref, r.branch, r.tag,
	r.commit, r.title, r.author, r.actor, r.reason, r.has_warnings, r.waiting_for, r.created_at, r.started_at, r.ended_at, r.version,
	r.repository_id, r.changed, coalesce(r.pull_request, 0) as pull_request, r.head_commit, r.base_commit, r.is_fork
from run r join repository p on p.id = r.repository_id;

-- Each state of a run is told to its forge, in the transaction that makes it: whoever moves a run need not think of it.
create function tell_forge(told run, event text, state text, description text) returns void
language sql as $$
	insert into outbox (kind, key, body)
	select 'status', format('%s:%s:%s:%s', p.id, c.commit, told.pipeline, event),
		jsonb_build_object('repository', p.id, 'run', p.name || '#' || told.number, 'commit', c.commit, 'branch', told.branch,
			'pipeline', told.pipeline, 'event', event, 'state', state, 'description', description)
	from repository p, (select coalesce(nullif(told.head_commit, ''), told.commit) as commit) c
	where p.id = told.repository_id and p.token is not null and p.api_url <> '' and p.removed_at is null
$$;

-- A pull request that people review here has two statuses: its checks are done while the review is waited for.
create function run_tell_forge() returns trigger
language plpgsql as $$
declare
	description text := case new.state when 'waiting' then new.waiting_for else new.reason end;
	is_checked boolean;
begin
	if not exists (select 1 from repository where id = new.repository_id and token is not null and api_url <> '') then
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
-- At the end of the transaction, when the jobs are as the run has left them.
create constraint trigger run_made after insert on run deferrable initially deferred for each row execute function run_tell_forge();
create constraint trigger run_moved after update of state on run deferrable initially deferred for each row
	when (old.state is distinct from new.state) execute function run_tell_forge();
create index outbox_waiting on outbox (kind, key, id) where sent_at is null;
