-- $1 repository, $2 delivery, $3 event, $4 pipeline, $5 ref, $6 before, $7 commit, $8 deleted, $9 actor, $10 account, $11 inputs, $12 options,
-- $13 rerun_of, $14 state, $15 reason, $16 ms for which it is its maker's: the slow tick leaves it alone, $17 pull request
insert into trigger (repository_id, delivery_id, event, pipeline, ref, before, commit, is_deleted, actor, account_id, inputs, options,
	rerun_of, state, reason, next_at, pull_request)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12::text[], $13, $14, $15, now() + $16::bigint * interval '1 ms', $17)
returning id
