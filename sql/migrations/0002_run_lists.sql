-- Lists of a million runs: one index for each filter that may be rare, and the order in which runs changed, which streams follow.
drop index run_recent; -- the primary key does the same
drop index run_changed;
create index run_changed on run (changed, id);
create index run_of_branch on run (branch, id desc);
create index run_of_pipeline on run (pipeline, id desc);
