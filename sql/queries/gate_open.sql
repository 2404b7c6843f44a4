-- $1 run, $2 stage, $3 stage hash, $4 opened_at, $5 expires_at, $6 why it is asked again ("": for the first time)
insert into gate (run_id, stage_id, state, commit, stage_hash, opened_at, expires_at, reason)
select r.id, $2::bigint, 'open', r.commit, $3::text, $4::timestamptz, $5::timestamptz, $6::text from run r where r.id = $1::bigint
