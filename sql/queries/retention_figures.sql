-- planned each time
-- $1 keep runs in ms, $2 newest that are spared, $3 keep logs in ms, $4 ms since a blob was touched; a time of 0: for ever. What the rules
-- would remove now.
with runs as materialized (
	select r.id, r.ended_at from run r
	where $1::bigint > 0 and r.ended_at < now() - $1::bigint * interval '1 ms' and run_may_go(r, $1::bigint * interval '1 ms', $2::bigint)),
logs as materialized (
	select a.job_id, a.number, a.log_blob, a.ended_at from runs join job j on j.run_id = runs.id join attempt a on a.job_id = j.id
	where a.log_blob is not null
	union
	select a.job_id, a.number, a.log_blob, a.ended_at from attempt a join job j on j.id = a.job_id
	where $3::bigint > 0 and a.log_blob is not null and a.ended_at < now() - $3::bigint * interval '1 ms'
		and not exists (select from pinned_run p where p.run_id = j.run_id)),
artifacts as materialized (
	select f.id, f.sha256, f.size_bytes, f.created_at from runs join artifact f on f.run_id = runs.id where f.removed_at is null
	union
	select f.id, f.sha256, f.size_bytes, f.created_at from artifact f
	where f.removed_at is null and f.expires_at < now() and not exists (select from pinned_run p where p.run_id = f.run_id)),
blobs as (
	select b.size_bytes, b.created_at from blob b
	where b.touched_at < least(now() - $4::bigint * interval '1 ms', (select min(leased_at) from attempt where state <> 'ended'))
		and not exists (select from artifact f where f.sha256 = b.sha256 and not exists (select from artifacts g where g.id = f.id))
		and not exists (select from attempt a where a.log_blob = b.sha256
			and not exists (select from logs l where l.job_id = a.job_id and l.number = a.number)))
select 'runs' as what, count(*) as count, 0::bigint as bytes, min(ended_at) as oldest from runs
union all
select 'logs', count(*), coalesce(sum(b.size_bytes), 0)::bigint, min(l.ended_at) from logs l join blob b on b.sha256 = l.log_blob
union all
select 'artifacts', count(*), coalesce(sum(size_bytes), 0)::bigint, min(created_at) from artifacts
union all
select 'blobs', count(*), coalesce(sum(size_bytes), 0)::bigint, min(created_at) from blobs
