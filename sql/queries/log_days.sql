-- Partitions for yesterday to the day after tomorrow.
select log_frame_make_day((now() at time zone 'UTC')::date + d) from generate_series(-1, 2) as d
