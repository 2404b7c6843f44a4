-- Answers how many.
select log_frame_drop_days() as dropped
