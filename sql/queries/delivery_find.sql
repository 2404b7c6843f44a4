-- $1 repository, $2 the forge's id
select id from delivery where repository_id = $1 and delivery_key = $2
