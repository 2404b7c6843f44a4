-- $1 doomed blobs whose files are gone, $2 doomed ones whose files were written lately after all
with gone as (
	delete from blob where sha256 = any($1::text[]) and is_doomed returning size_bytes),
spared as (
	update blob set is_doomed = false, touched_at = now() where sha256 = any($2::text[]) and is_doomed)
select count(*) as removed, coalesce(sum(size_bytes), 0)::bigint as bytes from gone
