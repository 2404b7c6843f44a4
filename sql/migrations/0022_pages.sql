-- An alarm that goes on after the way back: people are called, once.

alter table quarantine add column alarm text not null default ''; -- that condemned the version; '': a failure, or a person
create index quarantine_of_alarm on quarantine (id) where alarm <> '' and released_at is null;

create table page (
	id bigint generated always as identity primary key,
	quarantine_id bigint not null unique references quarantine,
	run_id bigint not null references run on delete cascade, -- the way back that did not help
	alarm text not null,
	body text not null, -- what people are told
	created_at timestamptz not null default now()
);
create index page_of_run on page (run_id);
