-- $1 repository, $2 commit, $3 event, $4 pipelines, $5 why each of them does not run. Their forge hears that nothing is to be waited for.
insert into outbox (kind, key, body)
select 'status', format('%s:%s:%s:%s', p.id, $2::text, s.pipeline, $3::text),
	jsonb_build_object('repository', p.id, 'run', '', 'commit', $2::text, 'branch', '', 'pipeline', s.pipeline, 'event', $3::text,
		'state', 'skipped', 'description', s.reason)
from repository p, unnest($4::text[], $5::text[]) as s(pipeline, reason)
where p.id = $1::bigint and p.token is not null and p.api_url <> '' and p.removed_at is null
