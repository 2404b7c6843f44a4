-- $1 repository, $2 newer commit, $3 older one, $4 who wrote what the first has and the second has not
insert into commit_authors (repository_id, newer, older, authors) values ($1::bigint, $2::text, $3::text, $4::text[])
on conflict do nothing
