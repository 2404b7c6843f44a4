-- $1 service, $2 version. The run that made it.
select r.configuration_version as configuration, r.id as run, r.number as run_number, r.commit, r.authors, coalesce(p.hash, '') as plan_hash
from version v join service s on s.id = v.service_id join run r on r.id = v.run_id left join plan p on p.id = r.plan_id
where s.name = $1::text and v.name = $2::text
