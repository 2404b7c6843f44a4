-- $1 repository. Whether its mirror may be behind: somebody has told of a push that nobody has looked at yet, or nobody ever tells.
select exists (select from delivery where state = 'stored' and repository_id = $1)
	or not exists (select from delivery where repository_id = $1)
