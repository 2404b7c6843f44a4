-- $1 service, $2 names of points in its history, in order: versions of it, digests also by their first digits; environments, for what reached one of their targets last; or
-- whatever git knows, which is then left to git (no commit). No row: there is no such service.
select s.repository_id, w.name, coalesce(v.name, '') as version, coalesce(v.commit, '') as commit,
	v.commit is null and exists (select from environment e where e.name = w.name) as is_unused
from service s cross join unnest($2::text[]) with ordinality as w(name, position)
left join lateral (
	select * from (
		select v.name, v.commit, 1 as rank from version v where v.service_id = s.id and v.name = w.name
		union all
		select max(v.name), max(v.commit), 3 from version v
		where v.service_id = s.id and v.name ~ '^([a-z0-9]+:)?[0-9a-f]{32,}$' and w.name ~ '^([a-z0-9]+:)?[0-9a-f]{6,}$'
			and (starts_with(v.name, w.name) or starts_with(split_part(v.name, ':', 2), w.name))
		having count(*) = 1
		union all
		(select v.name, v.commit, 2 from environment e join target t on t.environment_id = e.id and t.removed_at is null
		cross join lateral (
			select d.version_id, d.ended_at, d.is_teardown from deployment d
			where d.service_id = s.id and d.target_id = t.id and d.state in ('live', 'rolled_back') and d.started_at is not null
			order by d.id desc limit 1) d
		join version v on v.id = d.version_id
		where e.name = w.name and not d.is_teardown order by d.ended_at desc nulls last limit 1)) p
	order by rank limit 1) v on true
where s.name = $1::text and s.removed_at is null
order by w.position
