-- $1 ms since the end. One of the oldest, by chance: several coordinators seal different ones, and a damaged one does not hold up the rest.
select job_id, number, log_bytes from (
	select job_id, number, log_bytes from attempt
	where state = 'ended' and log_blob is null and log_bytes > 0 and ended_at < now() - $1::bigint * interval '1 ms'
	order by ended_at limit 32) as oldest
order by random() limit 1
