-- $1 run. Its deployments that are over let their targets go.
delete from target_lock l using deployment d
where d.run_id = $1::bigint and l.deployment_id = d.id and d.state not in ('pending', 'running', 'verifying', 'unknown')
