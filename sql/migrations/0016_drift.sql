-- What a target's probe says of the version that a service runs there, beside what was deployed.
create table target_report (
	service_id bigint not null references service,
	target_id bigint not null references target,
	due_at timestamptz not null default now(),
	sampled_at timestamptz,                     -- when the question was put; null: never yet
	version text not null default '',           -- as it said last; '': that is unknown, and problem says why
	problem text not null default '',
	recorded_version_id bigint references version, -- that it was compared with
	differs_since timestamptz,                  -- from that one; null: it does not, as far as is known
	primary key (service_id, target_id)
);
