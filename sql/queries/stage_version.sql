-- $1 stages, $2 versions. Fixed once.
with wanted as (select * from unnest($1::bigint[], $2::text[]) as w(id, version)),
saved as (
	update stage s set version = w.version from wanted w where s.id = w.id and s.version in ('', w.version) returning 1)
select expect_rows((select count(*) from saved), (select count(*) from wanted), 'version of a stage')
