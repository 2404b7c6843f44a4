-- $1 run. Whether a graph that was kept is still the run.
select version from run where id = $1
