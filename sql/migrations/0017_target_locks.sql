-- One deployment at a time of a service on a target, and of any service where the target says so, as facts of the database.
alter table target_lock add column is_exclusive boolean not null default false;
create unique index target_lock_exclusive on target_lock (target_id) where is_exclusive;
create index target_lock_of on target_lock (deployment_id);

insert into target_lock (service_id, target_id, deployment_id)
select distinct on (service_id, target_id) service_id, target_id, id from deployment
where state in ('pending', 'running', 'verifying', 'unknown')
order by service_id, target_id, id desc
on conflict do nothing;
