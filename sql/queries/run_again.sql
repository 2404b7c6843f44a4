-- $1 run. What a repetition of it starts from.
select repository_id, event, pipeline, ref, before, commit, inputs from run where id = $1
