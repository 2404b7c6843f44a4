-- $1 run
select id, state, reason, version, replanned, refused, started_at, ended_at from stage where run_id = $1 order by position
