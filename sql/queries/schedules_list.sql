-- $1 repository
select pipeline, cron, time_zone, due_at as next_at, fired_at as last_at, problem from schedule where repository_id = $1
order by pipeline, cron, time_zone
