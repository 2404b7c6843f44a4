-- $1 run, $2 stage, $3 stage hash, $4 opened_at, $5 expires_at, $6 state (of a run that ends right then it is void), $7 why that is, or why it
-- is asked again ("": for the first time), $8 decided_at
insert into gate (run_id, stage_id, state, commit, stage_hash, opened_at, expires_at, reason, decided_at)
select r.id, $2::bigint, $6::text, r.commit, $3::text, $4::timestamptz, $5::timestamptz, $7::text, $8::timestamptz
from run r where r.id = $1::bigint
