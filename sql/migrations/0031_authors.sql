-- Whoever wrote a part of what is released does not approve it: the mail addresses of all who did, and not of the newest commit's author
-- alone.
alter table run alter column author_email drop default;
alter table run alter column author_email type text[] using case when author_email = '' then '{}'::text[] else array[author_email] end;
alter table run alter column author_email set default '{}';
alter table run rename column author_email to authors;

-- Who wrote what one commit has and another has not, as gates ask for it. Found in the mirror, kept for a while; what is lost is found
-- again.
create table commit_authors (
	repository_id bigint not null references repository on delete cascade,
	newer text not null,
	older text not null,
	authors text[] not null,
	found_at timestamptz not null default now(),
	primary key (repository_id, newer, older)
);
create index commit_authors_age on commit_authors (found_at);
