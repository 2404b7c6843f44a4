-- What decisions about deployments rely on has a version that every change of it bumps, whoever makes the change: of an environment what is
-- closed and pinned there, of a service what is in quarantine, of an alarm what it is. A sample that changes nothing bumps nothing.

create function policy_changed() returns trigger
language plpgsql as $$
declare
	place text := case tg_table_name when 'blocker' then coalesce(to_jsonb(new) ->> 'environment', '') else '' end;
begin
	-- In the order of ids, as everybody does who takes several.
	perform from environment where place = '' or name = place order by id for no key update;
	update environment set version = version + 1 where place = '' or name = place;
	return null;
end
$$;
create trigger blocker_is_policy after insert or update on blocker for each row execute function policy_changed();
create trigger configuration_is_policy after insert on configuration for each row execute function policy_changed();

create function quarantine_changed() returns trigger
language plpgsql as $$
begin
	update service set version = version + 1 where id = new.service_id;
	return null;
end
$$;
create trigger quarantine_is_guarded after insert or update on quarantine for each row execute function quarantine_changed();

alter table alarm_state add column turn bigint not null default 1;

create function alarm_turned() returns trigger
language plpgsql as $$
begin
	new.turn := old.turn + 1;
	return new;
end
$$;
create trigger alarm_turned before update on alarm_state for each row
	when ((old.state, old.definition, old.is_dry_run) is distinct from (new.state, new.definition, new.is_dry_run))
	execute function alarm_turned();
