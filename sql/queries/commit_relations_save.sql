-- $1 repository, $2 newer commits, $3 older ones, $4 whether patches count, $5 whether the first contains the second
insert into commit_relation (repository_id, newer, older, by_patch, is_contained)
select $1::bigint, c.* from unnest($2::text[], $3::text[], $4::text[]::boolean[], $5::text[]::boolean[]) as c(newer, older, by_patch, is_contained)
on conflict do nothing
