-- $1 schedule, $2 the due time that it had, $3 the one that is fired, $4 the next one (null: never), $5 problem. Raises when another
-- coordinator was first; the key makes it once per due time even where the row was made anew.
with moved as (
	update schedule set fired_at = $3::timestamptz, due_at = $4::timestamptz, look_at = $4::timestamptz, problem = $5::text
	where id = $1::bigint and due_at = $2::timestamptz returning *),
made as (
	insert into trigger (repository_id, event, pipeline, ref, actor, dedup_key)
	select m.repository_id, 'schedule', m.pipeline, 'refs/heads/' || r.default_branch, 'schedule',
		format('schedule:%s:%s:%s:%s:%s', m.repository_id, m.pipeline, m.cron, m.time_zone, extract(epoch from m.fired_at)::bigint)
	from moved m join repository r on r.id = m.repository_id
	on conflict (dedup_key) do nothing)
select expect_rows((select count(*) from moved), 1, 'schedule ' || $1::bigint)
