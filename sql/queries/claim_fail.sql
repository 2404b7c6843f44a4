-- $1 jobs, $2 attempts, $3 reason, $4 messages. Claims that no worker gets: what to do cannot be worked out.
update attempt a set state = 'ended', reason = $3::text, message = w.message, ended_at = now()
from unnest($1::bigint[], $2::bigint[], $4::text[]) as w(job, number, message)
where a.job_id = w.job and a.number = w.number and a.state = 'leased'
returning a.run_id
