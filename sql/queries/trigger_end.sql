-- $1 trigger, $2 state, $3 reason. Raises when it was ended already: it becomes its runs once.
with ended as (update trigger set state = $2::text, reason = $3::text where id = $1::bigint and state = 'pending' returning 1)
select expect_rows((select count(*) from ended), 1, 'trigger ' || $1::bigint)
