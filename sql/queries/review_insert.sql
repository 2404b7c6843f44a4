-- $1 repository, $2 pull request, $3 the commit that was reviewed, $4 login
insert into pull_review (repository_id, number, commit, login) values ($1::bigint, $2::bigint, $3::text, $4::text)
on conflict do nothing
