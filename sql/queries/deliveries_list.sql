-- $1 repository name, $2 before this id, $3 at most so many. The reason is its own, or that of what it brought.
select d.id, d.delivery_key as key, d.event, d.state,
	coalesce(nullif(d.problem, ''), (select string_agg(distinct t.reason, '; ') from trigger t where t.delivery_id = d.id and t.reason <> ''), '')
		as reason,
	array(select p.name || '#' || r.number from trigger t join run r on r.trigger_id = t.id join repository p on p.id = r.repository_id
		where t.delivery_id = d.id order by r.id) as runs, d.received_at
from delivery d join repository r on r.id = d.repository_id
where r.name = $1 and r.removed_at is null and d.id < $2::bigint
order by d.id desc limit $3::bigint
