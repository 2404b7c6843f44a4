-- $1 repository. Whether somebody has told of a push that nobody has looked at yet.
select exists (select from delivery where state = 'stored' and repository_id = $1)
