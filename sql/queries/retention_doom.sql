-- $1 ms since anybody touched it, $2 at most so many looked at, behind $3 touched_at, $4 blob. A worker that holds an attempt may have heard
-- of any blob touched since its lease began, so those wait for it; so do all while a backup is made. Doomed ones that a killed coordinator left are among them.
with seen as materialized (
	select sha256, touched_at from blob
	where touched_at < least(now() - $1::bigint * interval '1 ms', (select min(leased_at) from attempt where state <> 'ended'))
		and not exists (select from timer where kind = 'backup' and due_at > now())
		and (touched_at, sha256) > (coalesce($3::timestamptz, '-infinity'), $4::text)
	order by touched_at, sha256 limit $2::bigint),
picked as materialized (
	select b.sha256 from blob b join seen on seen.sha256 = b.sha256 and seen.touched_at = b.touched_at
	where not exists (select from artifact f where f.sha256 = b.sha256) and not exists (select from attempt a where a.log_blob = b.sha256)
	for update of b skip locked),
doomed as (
	update blob b set is_doomed = true from picked where b.sha256 = picked.sha256 returning b.sha256)
select coalesce(array_agg(sha256), '{}') as blobs, (select count(*) from seen) as seen,
	(select touched_at from seen order by touched_at desc, sha256 desc limit 1) as touched_at,
	(select sha256 from seen order by touched_at desc, sha256 desc limit 1) as last
from doomed
