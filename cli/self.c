#include "cli/cli.h"

#include <limits.h>
#include <unistd.h>

bool cli_self(struct arena *arena, const char **ret_path, struct err *err)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n <= 0)
		return err_errno(err, "/proc/self/exe");
	*ret_path = arena_str(arena, (struct str){path, (size_t)n}).p;
	return true;
}
