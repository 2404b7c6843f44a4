-- What checks found and what tests said, told with the result of an attempt (common/proto/finding.h).

create table finding (
	id bigint generated always as identity primary key,
	run_id bigint not null references run on delete cascade,
	job_id bigint not null references job on delete cascade,
	attempt integer not null,
	rule text not null,
	tool text not null,
	report text not null default '', -- path of the report that it is from; '': a policy
	level text not null check (level in ('error', 'warning', 'note')),
	path text not null default '',
	line integer not null default 0,
	col integer not null default 0,
	commit text not null default '',
	message text not null,
	help text not null default '',
	fingerprint text not null default '',
	allowed text not null default '' -- the reason for letting it pass
);
create index finding_of_run on finding (run_id);
create index finding_of_job on finding (job_id, attempt);

-- One JUnit report.
create table test_report (
	id bigint generated always as identity primary key,
	run_id bigint not null references run on delete cascade,
	job_id bigint not null references job on delete cascade,
	attempt integer not null,
	report text not null,
	tests integer not null,
	failures integer not null,
	errors integer not null,
	skipped integer not null,
	duration_ms bigint not null,
	faults jsonb not null default '[]' -- [{name, kind, message, path, line}], the first ones
);
create index test_report_of_run on test_report (run_id);
create index test_report_of_job on test_report (job_id, attempt);
