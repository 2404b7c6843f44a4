-- $1 service, $2 environment. It was taken down.
delete from expiry x using service s, environment e
where s.name = $1::text and e.name = $2::text and x.service_id = s.id and x.environment_id = e.id
