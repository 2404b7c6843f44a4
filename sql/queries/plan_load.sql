-- $1 hash
select body from plan where hash = $1
