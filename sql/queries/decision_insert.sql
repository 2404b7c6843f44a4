-- $1 gate, $2 account, $3 verdict, $4 comment, $5 groups, $6 decided_at, $7 not before, or null
insert into decision (gate_id, account_id, verdict, comment, groups, decided_at, not_before)
values ($1, $2, $3, $4, $5::text[], $6, $7)
