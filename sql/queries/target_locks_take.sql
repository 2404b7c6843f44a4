-- $1 run. Each of its deployments that is open holds its target: whoever came first stays, and the other one looks again.
with open_ as (
	select d.service_id, d.target_id, d.id, t.is_exclusive from deployment d join target t on t.id = d.target_id
	where d.run_id = $1::bigint and d.state in ('pending', 'running', 'verifying', 'unknown')),
taken as (
	insert into target_lock (service_id, target_id, deployment_id, is_exclusive)
	select o.* from open_ o where not exists (select from target_lock l where l.deployment_id = o.id)
	on conflict do nothing returning 1)
select expect_rows((select count(*) from taken) + (select count(*) from target_lock l join open_ o on o.id = l.deployment_id),
	(select count(*) from open_), 'target lock')
