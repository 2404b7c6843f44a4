-- The newest deployments of a target, whatever the service.
create index deployment_at_target on deployment (target_id, id desc);
