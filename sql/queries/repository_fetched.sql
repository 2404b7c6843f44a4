-- $1 repository, $2 problem ("": it worked), $3 default branch (one that a person gave stays; "": as it is),
-- $4 a branch that is gone: it is no default any more ("": none)
update repository set fetched_at = case when $2::text = '' then now() else fetched_at end, problem = $2::text,
	default_branch = case when default_branch in ('', $4::text) then coalesce(nullif($3::text, ''), default_branch) else default_branch end
where id = $1::bigint
