#include "server/engine/run_name.h"

/* str_to_i64 takes a plus, too, which no name has. */
static bool read_number(struct str text, int64_t *ret)
{
	int64_t number;
	if (text.n == 0 || text.p[0] < '0' || text.p[0] > '9' || !str_to_i64(text, &number) || number < 1)
		return false;
	*ret = number;
	return true;
}

bool run_name_parse(struct str text, struct run_name *ret, struct err *err)
{
	struct run_name name = {0};
	size_t at;
	bool ok;
	if (str_find_char(text, '#', &at)) {
		name.repository = str_head(text, at);
		struct str number = str_skip(text, at + 1);
		bool is_hidden = str_starts(number, STR("-"));
		ok = at > 0 && read_number(is_hidden ? str_skip(number, 1) : number, &name.number);
		name.number = is_hidden ? -name.number : name.number;
	} else {
		ok = read_number(text, &name.id);
	}
	if (!ok)
		return err_set(err, ERR_INVALID, "\"%.*s\" names no run; write web#42, or its id", STR_ARG(text));
	*ret = name;
	return true;
}
