-- Which commit contains which, as deliveries ask for it. Found in the mirror, kept for a while; what is lost is found again.
create table commit_relation (
	repository_id bigint not null references repository on delete cascade,
	newer text not null,
	older text not null,
	by_patch boolean not null, -- the changes of `older` under any name count too
	is_contained boolean not null,
	found_at timestamptz not null default now(),
	primary key (repository_id, newer, older, by_patch)
);
create index commit_relation_age on commit_relation (found_at);

-- A later commit that mends what condemned the version: what contains it may be deployed.
alter table quarantine
	add column fixed_commit text not null default '',
	add column fixed_reason text not null default '',
	add column fixed_by bigint references account;
