-- $1 repository, $2 problem ("": it worked)
update repository set report_problem = $2::text where id = $1::bigint and report_problem <> $2::text
