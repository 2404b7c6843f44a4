-- $1 stage, $2 how many waves it has
delete from wave where stage_id = $1::bigint and position > $2::bigint
