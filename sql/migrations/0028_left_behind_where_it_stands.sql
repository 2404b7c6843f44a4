-- What the configuration has dropped is nobody's to bring back, so that left_behind() tells no more of it.

-- Targets of a service in an environment that are left with a condemned version (or with `also`, whatever is in quarantine by now): what was
-- attempted there last of that kind, and nothing good has come behind it. What is under way may fail or be cancelled, and what failed may
-- have changed nothing, so neither counts as good; a target that was taken down since has nothing of it.
create or replace function left_behind(service_name text, environment_name text, also text)
returns table (deployment_id bigint, run_id bigint, target_id bigint, service_id bigint, environment_id bigint, version_id bigint, wave integer)
language sql stable as $$
	with tried as (
		select d.id, d.run_id, d.target_id, d.service_id, t.environment_id, d.version_id, w.position as wave, d.state, d.is_teardown,
			v.name = also or exists (select from quarantine q where q.service_id = d.service_id and q.environment_id = t.environment_id
				and q.version_id = d.version_id and q.released_at is null) as is_condemned
		from deployment d join service s on s.id = d.service_id join target t on t.id = d.target_id
		join environment e on e.id = t.environment_id join wave w on w.id = d.wave_id join version v on v.id = d.version_id
		where s.name = service_name and e.name = environment_name and e.removed_at is null and t.removed_at is null
			and d.state not in ('pending', 'superseded'))
	select distinct on (c.target_id) c.id, c.run_id, c.target_id, c.service_id, c.environment_id, c.version_id, c.wave
	from tried c
	where c.is_condemned and not c.is_teardown and not exists (
		select from tried g where g.target_id = c.target_id and g.id > c.id
			and (case when g.is_teardown then g.state = 'live' else g.state in ('live', 'rolled_back') and not g.is_condemned end))
	order by c.target_id, c.id desc
$$;
