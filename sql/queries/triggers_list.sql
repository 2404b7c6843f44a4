-- planned each time
-- $1 repository (null: any), $2 before this id, $3 at most so many
select t.id, p.name as repository, t.event, t.ref, t.commit, t.actor, t.state, t.reason,
	array(select p.name || '#' || r.number from run r where r.trigger_id = t.id order by r.id) as runs, t.created_at
from trigger t join repository p on p.id = t.repository_id
where ($1::text is null or t.repository_id = (select id from repository where name = $1::text order by removed_at nulls first limit 1))
	and t.id < $2::bigint
order by t.id desc limit $3::bigint
