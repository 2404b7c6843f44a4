-- $1 worker, $2 its instance, $3 at most so many, $4 lease in ms. Jobs in order of priority and age, for workers that have all
-- their labels; others' locked rows are passed over.
with me as (
	select id, labels, profile from worker where id = $1::bigint and instance = $2::text and state = 'online'),
picked as (
	select j.id from job j, me
	where j.state = 'queued' and (not j.needs_full or me.profile = 'full')
		and j.label_set_id = any (array(select l.id from label_set l, me m where l.labels <@ m.labels))
	order by j.priority desc, j.id limit $3::bigint for update of j skip locked),
leased as (
	update job j set state = 'leased', attempt = j.attempt + 1, worker_id = $1::bigint, message = '', changed = pg_current_xact_id()
	from picked where j.id = picked.id
	returning j.id, j.attempt, j.run_id, j.key, j.commit, j.wave_id),
made as (
	insert into attempt (job_id, number, run_id, worker_id, instance, state, leased_at, lease_until)
	select id, attempt, run_id, $1::bigint, $2::text, 'leased', now(), now() + $4::bigint * interval '1 ms' from leased)
select j.id as job, j.attempt, j.run_id as run, j.key, r.number, p.name as repository, coalesce(nullif(j.commit, ''), r.commit) as commit,
	l.hash as plan_hash,
	case when j.wave_id is null then '' else coalesce((select v.name from deployment d join version v on v.id = d.previous_version_id
		where d.job_id = j.id order by d.id desc limit 1), '') end as previous_version
from leased j join run r on r.id = j.run_id join repository p on p.id = r.repository_id join plan l on l.id = r.plan_id
order by j.id
