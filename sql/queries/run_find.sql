-- $1 id or 0, $2 repository name, $3 number
select r.id from run r join repository p on p.id = r.repository_id
where ($1::bigint <> 0 and r.id = $1::bigint) or ($1::bigint = 0 and p.name = $2::text and r.number = $3::bigint)
order by p.removed_at nulls first limit 1
