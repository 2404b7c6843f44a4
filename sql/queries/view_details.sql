-- $1 run, $2 hashes of plans that the asker has, $3 since when ("": never) it is asked whether the plan was replaced
select r.inputs, r.errors, coalesce(l.hash, '') as plan_hash, case when l.hash = any($2::text[]) then null else l.body end as plan,
	coalesce((select g.body from page g where g.run_id = r.id order by g.id desc limit 1), '') as alert,
	coalesce(r.replanned >= nullif($3::text, '')::xid8, false) as is_replanned
from run r left join plan l on l.id = r.plan_id where r.id = $1
