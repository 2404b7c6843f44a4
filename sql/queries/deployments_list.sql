-- planned each time
-- $1 service ("": all), $2 environment ("": all), $3 before this id (0: from the newest), $4 at most so many. With a filter each target's
-- newest are looked up by an index of its own: a service that has few among millions is found as fast as one that has many.
with picked as (
	(select d.id from deployment d where $1::text = '' and $2::text = '' and ($3::bigint = 0 or d.id < $3::bigint) order by d.id desc limit $4::bigint)
	union all
	select n.id from target o join environment e on e.id = o.environment_id and ($2::text = '' or e.name = $2::text)
	cross join lateral (
		select d.id from deployment d
		where d.target_id = o.id and ($1::text = '' or d.service_id = (select id from service where name = $1::text))
			and ($3::bigint = 0 or d.id < $3::bigint)
		order by d.id desc limit $4::bigint) n
	where $1::text <> '' or $2::text <> '')
select d.id, p.name || '#' || r.number as run, r.kind, s.name as service, e.name as environment, t.name as target, v.name as version,
	coalesce(b.name, '') as previous, d.state, r.actor, d.started_at, d.ended_at, d.baked_at,
	coalesce((select g.body from page g where g.run_id = r.id order by g.id desc limit 1), '') as alert
from deployment d join run r on r.id = d.run_id join repository p on p.id = r.repository_id join service s on s.id = d.service_id
join target t on t.id = d.target_id join environment e on e.id = t.environment_id join version v on v.id = d.version_id
left join version b on b.id = d.previous_version_id
where d.id = any (array(select id from picked order by id desc limit $4::bigint))
order by d.id desc
