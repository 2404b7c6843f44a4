-- $1 run, $2 kinds, $3 bodies
insert into event (run_id, kind, body)
select $1::bigint, n.kind, n.body::jsonb from unnest($2::text[], $3::text[]) as n(kind, body)
