-- $1 run, $2 hashes of plans that the asker has, $3 since when ("": never) it is asked whether the plan was replaced
select r.inputs, r.errors, coalesce(l.hash, '') as plan_hash, case when l.hash = any($2::text[]) then null else l.body end as plan,
	coalesce((select g.body from page g where g.run_id = r.id order by g.id desc limit 1), '') as alert,
	coalesce((select p.name || '#' || c.number from trigger t join run c on c.id = t.about_run_id join repository p on p.id = c.repository_id
		where t.id = r.trigger_id), '') as condemned,
	coalesce((
		select jsonb_agg(jsonb_build_object('service', t.inputs->>'service', 'environment', t.inputs->>'environment',
			'version', t.inputs->>'version', 'state', t.state, 'reason', t.reason,
			'run', coalesce(p.name || '#' || b.number, ''), 'run_state', coalesce(b.state, '')) order by t.id)
		from trigger t left join run b on b.trigger_id = t.id left join repository p on p.id = b.repository_id
		where t.about_run_id = r.id), '[]') as ways_back,
	coalesce(r.replanned >= nullif($3::text, '')::xid8, false) as is_replanned
from run r left join plan l on l.id = r.plan_id where r.id = $1
