-- The guard of a lane: $1 lane, $2 the version that was loaded, $3 epoch
with saved as (
	update lane set version = version + 1, epoch = $3::bigint where id = $1::bigint and version = $2::bigint returning 1)
select expect_rows((select count(*) from saved), 1, 'lane ' || $1::bigint)
