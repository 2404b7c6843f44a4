#include "server/runs/run_find.h"

#include "server/engine/run_name.h"

bool run_find_add(struct db_batch *batch, struct str name, struct err *err)
{
	struct run_name run;
	if (!run_name_parse(name, &run, err))
		return false;
	db_add(batch, QUERY_RUN_FIND, DB_I64(run.id), DB_TEXT(str_or_empty(run.repository)), DB_I64(run.number));
	return true;
}

bool run_find_take(const struct db_reply *reply, size_t statement, struct str name, int64_t *ret, struct err *err)
{
	if (db_row_count(reply, statement) == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no run %.*s", STR_ARG(name));
	*ret = db_i64(reply, statement, 0, 0);
	return true;
}
