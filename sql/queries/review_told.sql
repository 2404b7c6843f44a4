-- $1 review, $2 gate, $3 why it does not count there ("": it does)
insert into pull_review_told (review_id, gate_id, refusal) values ($1::bigint, $2::bigint, $3::text) on conflict do nothing
