-- What is taken down one day, the next first; past its time and tried: nobody could take it down yet.
select s.name as service, e.name as environment, p.name || '#' || r.number as run, x.expires_at, x.tries, x.next_at
from expiry x join service s on s.id = x.service_id join environment e on e.id = x.environment_id
join run r on r.id = x.run_id join repository p on p.id = r.repository_id
order by x.expires_at, s.name, e.name
