-- A person with the right to lets one stage pass freezes, windows and stops of the line, with a reason.
create table freeze_override (
	stage_id bigint primary key references stage on delete cascade,
	reason text not null check (reason <> ''),
	account_id bigint references account,
	placed_at timestamptz not null default now()
);
