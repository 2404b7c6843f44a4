-- $1 repository, $2 problem ("": it worked), $3 default branch ("": as it is)
update repository set fetched_at = case when $2::text = '' then now() else fetched_at end, problem = $2::text,
	default_branch = case when $3::text = '' then default_branch else $3::text end
where id = $1::bigint
