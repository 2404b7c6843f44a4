-- Why the forge's API could not be asked for pull requests ("": it could, or is not asked).
alter table repository add column ask_problem text not null default '';
