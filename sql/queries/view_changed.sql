-- $1 run, $2 since ("": all). Stages and gates that changed.
select id, false as is_gate from stage where run_id = $1::bigint and ($2::text = '' or changed >= nullif($2::text, '')::xid8)
union all
select id, true from gate where run_id = $1::bigint and ($2::text = '' or changed >= nullif($2::text, '')::xid8)
