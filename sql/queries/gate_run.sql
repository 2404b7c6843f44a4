-- $1 gate
select run_id from gate where id = $1
