-- $1 run. What was planned, or, where it deploys a version once more, what was planned when that was made.
with me as (
	select r.id, r.event, r.plan_id, coalesce((select v.run_id from version v join service s on s.id = v.service_id
		where r.event = 'deploy' and s.name = r.inputs->>'service' and v.name = r.inputs->>'version'), r.id) as origin
	from run r where r.id = $1::bigint)
select l.hash as plan_hash, me.event = 'deploy' as is_redeployed, o.id as origin, o.number as origin_number, o.pipeline, o.commit, o.ref, o.branch,
	o.tag, o.head_commit as head, o.base_commit as base
from me join run o on o.id = me.origin join plan l on l.id = me.plan_id
