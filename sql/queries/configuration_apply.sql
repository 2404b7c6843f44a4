-- $1 the version that it stands on, $2 text, $3 what it says, $4 account, $5 comment, $6 the version whose text it is again, or null. What is in
-- force to the letter stays as it is: no version, no entry of the audit log.
with same as materialized (
	select version from configuration
	where version = $1::bigint and body = $2::text and version = (select max(version) from configuration))
select version as in_force, '[]'::jsonb as obstacles from same
union all
select a.in_force, a.obstacles from (select where not exists (select from same)) as others,
	lateral apply_configuration($1::bigint, $2::text, $3::jsonb, $4::bigint, $5::text, $6::bigint) as a
