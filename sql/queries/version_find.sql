-- $1 service, $2 environment, $3 what somebody calls a version of the service: its name, or of a digest or commit id at least six of its
-- first digits. Its name ("": there is none), and whether a rollback there could bring it back. Two rows: several are meant. No row: there
-- is no such service or environment.
select coalesce(v.name, '') as name, exists (
		select from deployment d join target t on t.id = d.target_id
		where d.version_id = v.id and t.environment_id = e.id and d.baked_at is not null
			and not exists (select from quarantine q where q.service_id = s.id and q.environment_id = e.id
				and q.version_id = v.id and q.released_at is null)
			and v.id <> (select l.version_id from deployment l join target lt on lt.id = l.target_id
				where l.service_id = s.id and lt.environment_id = e.id and l.state not in ('pending', 'superseded')
				order by l.id desc limit 1)) as is_good
from service s join environment e on e.name = $2::text and e.removed_at is null
left join version v on v.service_id = s.id and (v.name = $3::text
	or v.name ~ '^([a-z0-9]+:)?[0-9a-f]{32,}$' and $3::text ~ '^([a-z0-9]+:)?[0-9a-f]{6,}$'
		and (starts_with(v.name, $3::text) or starts_with(split_part(v.name, ':', 2), $3::text))
		and not exists (select from version w where w.service_id = s.id and w.name = $3::text))
where s.name = $1::text and s.removed_at is null
order by v.id desc limit 2
