-- $1 repository, $2 the forge's id, $3 digest of the body, or null
select id from delivery where repository_id = $1 and (delivery_key = $2 or digest = $3::bytea) order by id limit 1
