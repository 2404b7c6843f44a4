-- $1 the version that is known
select version, body from configuration where version > $1::bigint order by version desc limit 1
