-- $1 stage. What it holds or waits for in its environment's lane.
update lane_request set state = 'released', released_at = now()
where stage_id = $1::bigint and state in ('waiting', 'granted', 'revoked')
returning lane_id
