-- $1 run, $2 stage that has not begun, $3 keys of its jobs from now on, $4 their labels (sorted, with commas), $5 needs full, $6 allow failure,
-- $7 how long artifacts are kept in ms, $8 waves (0: none), $9 commits ("": the run's). The jobs of later stages move; what has an attempt stays.
with wanted as materialized (
	select * from unnest($3::text[], $4::text[], $5::text[]::boolean[], $6::text[]::boolean[], $7::bigint[], $8::bigint[], $9::text[])
		with ordinality as w(key, labels, needs_full, allow_failure, keep_ms, wave, commit, position)),
old as materialized (
	select min(position) as first, max(position) as last, count(*) as count from job where stage_id = $2::bigint),
moved as (
	update job set position = position + (select count(*) from wanted)::integer - old.count::integer from old
	where run_id = $1::bigint and position > old.last),
gone as (
	delete from job where stage_id = $2::bigint and key not in (select key from wanted) returning attempt),
put as (
	insert into job (run_id, stage_id, position, key, state, label_set_id, needs_full, allow_failure, artifact_keep_ms, wave_id, commit)
	select $1::bigint, $2::bigint, old.first + w.position - 1, w.key, 'blocked', l.id, w.needs_full, w.allow_failure, w.keep_ms, v.id, w.commit
	from old, wanted w
	join label_set l on l.labels = string_to_array(w.labels, ',')
	left join wave v on v.stage_id = $2::bigint and v.position = w.wave
	order by w.position
	on conflict (run_id, key) do update set position = excluded.position, label_set_id = excluded.label_set_id,
		needs_full = excluded.needs_full, allow_failure = excluded.allow_failure, artifact_keep_ms = excluded.artifact_keep_ms,
		wave_id = excluded.wave_id, commit = excluded.commit
	returning 1)
select expect_rows((select count(*) from gone where attempt > 0), 0, 'begun job of stage ' || $2::bigint),
	expect_rows((select count(*) from put), (select count(*) from wanted), 'job of stage ' || $2::bigint)
