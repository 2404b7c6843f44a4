-- A stage that has not begun is planned again when another configuration holds than the one its run was planned by.
alter table run
	add column configuration_version bigint not null default 0,
	add column replanned xid8; -- when its plan was last replaced: whoever watches is sent all of it again
update run set configuration_version = (select coalesce(max(version), 0) from configuration) where state in ('pending', 'running', 'waiting');

alter table stage
	add column replanned text not null default '', -- what is different now; "" again as soon as the engine has taken it in
	add column refused text not null default ''; -- why it may not be entered any more

create index stage_replanned on stage (run_id) where replanned <> '' or refused <> '';

-- What is inserted among other jobs moves those behind it.
alter table job drop constraint job_run_id_position_key;
alter table job add constraint job_position unique (run_id, position) deferrable;
