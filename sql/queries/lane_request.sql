-- $1 run, $2 key of the concurrency group, $3 cancels. A retry asks again.
with l as (
	insert into lane (kind, key, mode) values ('group', $2::text, 'fifo')
	on conflict (kind, key) do update set mode = lane.mode returning id)
insert into lane_request (lane_id, run_id, cancels) select l.id, $1::bigint, $3::boolean from l
returning lane_id
