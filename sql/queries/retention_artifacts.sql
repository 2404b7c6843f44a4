-- $1 at most so many
with picked as materialized (
	select a.id from artifact a
	where a.removed_at is null and a.expires_at < now() and not exists (select from pinned_run p where p.run_id = a.run_id)
	order by a.expires_at limit $1::bigint for update skip locked)
update artifact a set sha256 = null, removed_at = now() from picked where a.id = picked.id
returning 1
