#include "common/size.h"

#include "common/mem.h"

static const struct {
	const char *name;
	int64_t bytes;
} units[] = {
	{"TiB", INT64_C(1) << 40},
	{"GiB", INT64_C(1) << 30},
	{"MiB", INT64_C(1) << 20},
	{"KiB", INT64_C(1) << 10},
	{"B", 1}, /* the binary ones end here */
	{"TB", INT64_C(1000000000000)},
	{"GB", 1000000000},
	{"MB", 1000000},
	{"kB", 1000},
};

enum { BINARY_UNITS = 5 };

bool size_parse(struct str text, int64_t *ret_bytes, struct err *err)
{
	size_t digits = 0;
	while (digits < text.n && ((text.p[digits] >= '0' && text.p[digits] <= '9') || text.p[digits] == '.'))
		digits++;
	double amount;
	bool is_number = digits && text.p[0] != '.' && str_to_f64(str_head(text, digits), &amount);
	for (size_t i = 0; is_number && i < COUNT_OF(units); i++) {
		if (!str_is(str_skip(text, digits), units[i].name))
			continue;
		double bytes = amount * (double)units[i].bytes;
		if (bytes > (double)(INT64_C(1) << 53))
			return err_set(err, ERR_INVALID, "size \"%.*s\" is too large", STR_ARG(text));
		*ret_bytes = (int64_t)bytes;
		return true;
	}
	return err_set(err, ERR_INVALID, "\"%.*s\" is not a size; write it like 512MiB, 2GiB or 100kB", STR_ARG(text));
}

struct str size_format(struct arena *arena, int64_t bytes)
{
	size_t i = 0;
	while (i + 1 < BINARY_UNITS && (bytes == 0 || bytes % units[i].bytes != 0))
		i++;
	return arena_printf(arena, "%lld%s", (long long)(bytes / units[i].bytes), units[i].name);
}
