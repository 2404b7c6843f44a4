-- Everything that commits after this look has changed >= it. Always the first statement of its batch.
select pg_snapshot_xmin(pg_current_snapshot())::text as horizon
