-- $1 id or name, $2 draining or online
update worker set state = $2::text where (name = $1::text or id::text = $1::text) returning id
