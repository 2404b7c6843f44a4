-- $1 hash. Now and then, not with every request.
update token set used_at = now() where hash = $1 and (used_at is null or used_at < now() - interval '5 min')
