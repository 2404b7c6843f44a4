-- $1 repository, $2 problem ("": it answered)
update repository set ask_problem = $2::text where id = $1::bigint and ask_problem <> $2::text
