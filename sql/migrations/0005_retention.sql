-- What retention asks of those who write.

-- The plan of a run that is being made: locked, so that it is not removed meanwhile as one that no run has.
create function plan_of(wanted text) returns bigint
language plpgsql as $$
declare
	found_id bigint;
begin
	select id into found_id from plan where hash = wanted for key share;
	if found_id is null and wanted is not null then
		raise exception 'plan % was removed meanwhile', wanted using errcode = 'PS001';
	end if;
	return found_id;
end
$$;

-- How long the artifacts of a job are kept, as its pipeline says; 0: as the server's settings say.
alter table job add column artifact_keep_ms bigint not null default 0;
drop index artifact_age;

insert into timer (kind, due_at) values ('retention', now() + interval '10 min') on conflict do nothing;
