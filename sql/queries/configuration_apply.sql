-- $1 the version that it stands on, $2 text, $3 what it says, $4 account, $5 comment, $6 the version whose text it is again, or null
select in_force, obstacles from apply_configuration($1::bigint, $2::text, $3::jsonb, $4::bigint, $5::text, $6::bigint)
