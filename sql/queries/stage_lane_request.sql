-- $1 run, $2 stage, $3 service, $4 environment, $5 lane mode, $6 priority
insert into lane_request (lane_id, run_id, stage_id, priority)
select lane_of($3::text, $4::text, $5::text), $1::bigint, $2::bigint, $6::integer
returning lane_id
