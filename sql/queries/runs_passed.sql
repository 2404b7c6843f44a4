-- The slow tick: runs at their gate for a place where something is live by now that contains their commit, or that nobody has compared with
-- it. Nobody should be asked for longer about what will not happen. Whom somebody sent there on purpose stays. And those of which nobody
-- has looked who wrote what is not live there yet: whoever did must not decide.
select distinct s.run_id from stage s join run r on r.id = s.run_id
join service v on v.name = s.service join environment e on e.name = s.environment
join target t on t.environment_id = e.id and t.removed_at is null
cross join lateral (
	select d.version_id, d.state, d.is_teardown from deployment d
	where d.service_id = v.id and d.target_id = t.id and d.state in ('live', 'rolled_back') and d.started_at is not null
	order by d.id desc limit 1) l
join version x on x.id = l.version_id
where s.kind = 'environment' and s.state = 'gated' and r.event not in ('rollback', 'teardown')
	and l.state = 'live' and not l.is_teardown and x.commit not in ('', r.commit)
	and (not exists (select from commit_authors a where a.repository_id = r.repository_id and a.newer = r.commit and a.older = x.commit)
		or r.event <> 'deploy' and coalesce((select f.is_contained from commit_relation f
		where f.repository_id = r.repository_id and f.newer = x.commit and f.older = r.commit and not f.by_patch), true))
