-- $1 run. What a repetition of it starts from: of a pull request its head, which is merged with the base of today.
select repository_id, event, pipeline, ref, before, case when head_commit = '' then commit else head_commit end as commit, inputs,
	coalesce(pull_request, 0) as pull_request
from run where id = $1
