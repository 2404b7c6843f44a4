-- $1 repository, $2 the commit they were read from, $3 pipelines, $4 cron lines, $5 time zones, $6 due times, $7 problems, $8 pipelines whose
-- file cannot be read: theirs stay, so that their next run shows the faults. One that was there keeps its due time.
with read as (
	select * from unnest($3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[]) as r(pipeline, cron, time_zone, due_at, problem)),
gone as (
	delete from schedule s where s.repository_id = $1::bigint and s.pipeline <> all($8::text[]) and not exists (
		select from read r where r.pipeline = s.pipeline and r.cron = s.cron and r.time_zone = s.time_zone)),
kept as (
	insert into schedule as s (repository_id, pipeline, cron, time_zone, due_at, look_at, problem)
	select distinct on (pipeline, cron, time_zone) $1::bigint, pipeline, cron, time_zone, due_at, due_at, problem from read
	on conflict (repository_id, pipeline, cron, time_zone) do update set problem = excluded.problem,
		due_at = case when s.problem = '' then s.due_at else excluded.due_at end,
		look_at = case when s.problem = '' then s.look_at else excluded.look_at end)
update repository r set schedules_look_at = case when $2::text = coalesce((select f.commit from repository_ref f
	where f.repository_id = r.id and f.name = 'refs/heads/' || r.default_branch), '') then null else now() end
where r.id = $1::bigint
