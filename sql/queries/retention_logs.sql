-- $1 keep in ms, $2 at most so many
with picked as materialized (
	select a.job_id, a.number from attempt a join job j on j.id = a.job_id
	where a.log_blob is not null and a.ended_at < now() - $1::bigint * interval '1 ms'
		and not exists (select from pinned_run p where p.run_id = j.run_id)
	order by a.ended_at limit $2::bigint for update of a skip locked)
update attempt a set log_blob = null, log_index = null, log_bytes = 0, log_lines = 0, log_removed_at = now()
from picked p where a.job_id = p.job_id and a.number = p.number
returning 1
