-- Gitops steps: who may write to a repository, and what was asked for.

-- Runs of the source may commit values into files of the repository. Nobody may unless it stands here.
create table gitops_grant (
	repository_id bigint not null references repository on delete cascade,
	source_id bigint not null references repository on delete cascade,
	refs text[] not null default '{}', -- globs of the source's branches and tags; empty: its default branch
	files text[] not null default '{}', -- globs; empty: all
	created_at timestamptz not null default now(),
	primary key (repository_id, source_id),
	check (repository_id <> source_id)
);

-- One gitops step of one attempt: made once, by whichever coordinator has it in hand.
create table gitops_change (
	job_id bigint not null references job on delete cascade,
	attempt integer not null,
	step integer not null,
	state text not null default 'open' check (state in ('open', 'over')),
	owner text not null, -- who has it in hand ...
	claimed_until timestamptz not null, -- ... until then, unless it is renewed
	commits text[] not null default '{}', -- noted before each push: one of them may be there
	answer jsonb,
	created_at timestamptz not null default now(),
	primary key (job_id, attempt, step)
);
