-- Approving reviews on a forge count at gates, for whom an admin said which account a login there is.
create table account_login (
	forge text not null check (forge in ('github', 'gitlab', 'gitea')),
	login text not null,
	account_id bigint not null references account on delete cascade,
	primary key (forge, login)
);
create index account_login_of on account_login (account_id);

create table pull_review (
	id bigint generated always as identity primary key,
	repository_id bigint not null references repository on delete cascade,
	number bigint not null,
	commit text not null, -- of the head, as it was reviewed
	login text not null,
	reviewed_at timestamptz not null default now(),
	unique (repository_id, number, commit, login)
);

-- What became of it at each gate that was open for its commit: a gate hears of a review once.
create table pull_review_told (
	review_id bigint not null references pull_review on delete cascade,
	gate_id bigint not null references gate on delete cascade,
	refusal text not null, -- "": it counted
	primary key (review_id, gate_id)
);
create index pull_review_told_gate on pull_review_told (gate_id);
