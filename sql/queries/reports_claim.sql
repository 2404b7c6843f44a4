-- Probes: $1 environments, $2 targets, $3 services ("": each that was deployed there), $4 how long to wait for each answer in ms; $5 at
-- most so many. What is due, each for one server, whatever their number; what a killed one had in hand comes back after that wait.
with wanted as (
	select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as w(environment, target, service, wait_ms)),
place as (
	select s.id as service_id, t.id as target_id, s.name as service, w.environment, w.target, w.wait_ms
	from wanted w join environment e on e.name = w.environment and e.removed_at is null
	join target t on t.environment_id = e.id and t.name = w.target and t.removed_at is null
	join service s on s.removed_at is null and (w.service = '' or s.name = w.service)
	where exists (select from deployment d where d.service_id = s.id and d.target_id = t.id and d.state in ('live', 'rolled_back'))),
made as (
	insert into target_report (service_id, target_id) select service_id, target_id from place p
	where not exists (select from target_report r where r.service_id = p.service_id and r.target_id = p.target_id)
	on conflict do nothing),
picked as (
	select r.service_id, r.target_id, p.service, p.environment, p.target, p.wait_ms
	from place p join target_report r on r.service_id = p.service_id and r.target_id = p.target_id
	where r.due_at <= now() order by r.due_at limit $5::bigint for update of r skip locked)
update target_report r set due_at = now() + p.wait_ms * interval '1 ms' from picked p
where r.service_id = p.service_id and r.target_id = p.target_id
returning r.service_id, r.target_id, p.service, p.environment, p.target, now() as now
