-- $1 id or 0, $2 repository name, $3 number
select id from run where id = $1::bigint
union all
(select r.id from repository p join run r on r.repository_id = p.id
where $1::bigint = 0 and p.name = $2::text and r.number = $3::bigint
order by p.removed_at nulls first limit 1)
