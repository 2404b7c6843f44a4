-- $1 repository, $2 problem ("": it worked), $3 default branch (one that a person gave stays; "": as it is)
update repository set fetched_at = case when $2::text = '' then now() else fetched_at end, problem = $2::text,
	default_branch = case when default_branch = '' then $3::text else default_branch end
where id = $1::bigint
