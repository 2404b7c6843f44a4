-- $1 again in ms, $2 samples and $3 changes are kept so long in ms, $4 at most so many of each, $5 the names that there are: rows of others
-- go after as long. One coordinator, whatever their number.
with picked as (
	select kind, key from timer where kind = 'alarm_prune' and due_at <= now() for update skip locked),
due as (
	update timer t set due_at = now() + $1::bigint * interval '1 ms' from picked p where t.kind = p.kind and t.key = p.key returning 1),
samples as (
	delete from alarm_sample where ctid in (
		select s.ctid from alarm_sample s, due where s.at < now() - $2::bigint * interval '1 ms' order by s.at limit $4::bigint)
	returning 1),
changes as (
	delete from alarm_change where id in (
		select c.id from alarm_change c, due where c.at < now() - $3::bigint * interval '1 ms' order by c.at limit $4::bigint)
	returning 1),
states as (
	delete from alarm_state where name in (
		select s.name from alarm_state s, due where s.name <> all($5::text[]) and s.sampled_at < now() - $2::bigint * interval '1 ms')
	returning 1),
alerts as (
	delete from alarm_alert where fingerprint in (
		select a.fingerprint from alarm_alert a, due where a.seen_at < now() - interval '2 days')
	returning 1),
runs as materialized (
	select r.id from run r, due where r.event = 'alarm' and r.ended_at < now() - interval '1 day' order by r.ended_at limit $4::bigint / 100
	for update of r skip locked),
frames as (
	delete from log_frame f using job j, runs where j.run_id = runs.id and f.job_id = j.id),
gone as (
	delete from run r using runs where r.id = runs.id),
timers as (
	delete from timer where kind = 'alarm' and key in (
		select t.key from timer t, due where t.kind = 'alarm' and t.key <> all($5::text[]) and t.due_at < now() - interval '1 day')
	returning 1)
select (select count(*) from samples) as samples, (select count(*) from changes) as changes, (select count(*) from states) as states,
	(select count(*) from alerts) as alerts, (select count(*) from timers) as timers
