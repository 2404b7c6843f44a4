-- $1 delivery, $2 state, $3 problem. Raises when it was ended already, so that its triggers are made once.
with ended as (update delivery set state = $2::text, problem = $3::text where id = $1::bigint and state = 'stored' returning 1)
select expect_rows((select count(*) from ended), 1, 'delivery ' || $1::bigint)
