-- $1 job, $2 attempt, $3 step, $4 token, $5 owner, $6 for so many ms. Takes it in hand when nobody has it.
insert into gitops_change (job_id, attempt, step, owner, claimed_until)
select a.job_id, a.number, $3::bigint, $5::text, now() + $6::bigint * interval '1 ms'
from attempt a join worker w on w.id = a.worker_id
where a.job_id = $1::bigint and a.number = $2::bigint and w.token_id = $4::bigint and a.state <> 'ended'
on conflict (job_id, attempt, step) do update set owner = excluded.owner, claimed_until = excluded.claimed_until
where gitops_change.state = 'open' and gitops_change.claimed_until < now()
