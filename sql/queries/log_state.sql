-- $1 job, $2 attempt (0: the latest). With the last frame, which tells whether the last line has its end; of a sealed log the index counts it.
select j.state as job_state, coalesce(a.number, 0) as attempt, coalesce(a.state, '') as attempt_state,
	coalesce(a.log_bytes, 0) as log_bytes, coalesce((a.log_index -> -1 ->> 0)::bigint, a.log_lines, 0) as log_lines,
	a.log_removed_at,
	(select f.data from log_frame f where f.job_id = a.job_id and f.attempt = a.number and a.state = 'ended'
		order by f.log_offset desc limit 1) as last_frame
from job j left join attempt a on a.job_id = j.id and a.number = case when $2::bigint = 0 then j.attempt else $2::bigint end
where j.id = $1::bigint
