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

alter table alarm_state
	add column turn bigint not null default 1,
	add column fired_last_at timestamptz; -- kept when it is ok again: who deploys must not miss it
update alarm_state set fired_last_at = fired_at;

create function alarm_turned() returns trigger
language plpgsql as $$
begin
	if tg_op = 'UPDATE' then
		new.turn := old.turn + 1;
	end if;
	if new.state = 'firing' then
		new.fired_last_at := coalesce(new.fired_at, new.since);
	end if;
	return new;
end
$$;
create trigger alarm_begins before insert on alarm_state for each row execute function alarm_turned();
create trigger alarm_turned before update on alarm_state for each row
	when ((old.state, old.definition, old.is_dry_run) is distinct from (new.state, new.definition, new.is_dry_run))
	execute function alarm_turned();
