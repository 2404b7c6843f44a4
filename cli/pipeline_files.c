#include "cli/pipeline_files.h"

#include "common/lang/templates.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The same as the server's. */
enum { FILE_MAX_BYTES = 1 << 20 };

bool pipeline_files_enter(struct err *err)
{
	char start[PATH_MAX];
	if (!getcwd(start, sizeof start))
		return err_errno(err, "the current directory");
	while (access(".penstock", F_OK) != 0) {
		char here[PATH_MAX];
		if (!getcwd(here, sizeof here) || strcmp(here, "/") == 0 || chdir("..") != 0)
			return err_set(err, ERR_NOT_FOUND,
				"there is no .penstock/ in %s or above it: pipelines are files .penstock/NAME.yaml",
				start);
	}
	return true;
}

bool pipeline_files_list(struct arena *arena, struct str_list *ret, struct err *err)
{
	glob_t found;
	int code = glob(".penstock/*.yaml", 0, NULL, &found);
	/* What looks like one and is none is found, too: whoever reads it says why. */
	if (glob(".penstock/*.yml", code == 0 ? GLOB_APPEND : 0, NULL, &found) != 0 && code != 0)
		return err_set(err, ERR_NOT_FOUND, ".penstock/ holds no file NAME.yaml");
	*ret = (struct str_list){.items = arena_array(arena, struct str, found.gl_pathc), .count = found.gl_pathc};
	for (size_t i = 0; i < found.gl_pathc; i++)
		ret->items[i] = arena_str(arena, str_of(found.gl_pathv[i]));
	globfree(&found);
	return true;
}

static bool read_file(const char *path, struct arena *arena, struct str *ret, struct err *err)
{
	struct stat info;
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &info) != 0)
		return err_set(err, ERR_NOT_FOUND, "%s", strerror(errno));
	if (!S_ISREG(info.st_mode) || info.st_size > FILE_MAX_BYTES)
		return err_set(err, ERR_INVALID, "no regular file of at most 1 MiB");
	char *text = arena_alloc(arena, (size_t)info.st_size + 1);
	ssize_t n = read(fd, text, (size_t)info.st_size);
	if (n < 0)
		return err_set(err, ERR_SYSTEM, "%s", strerror(errno));
	*ret = (struct str){text, (size_t)n};
	return true;
}

/* `extends: NAME` is a file beside this one first, then a template that ships. */
static bool load_base(void *arg, struct str name, struct str version, struct arena *arena, struct str *ret_text,
	const char **ret_file, struct err *err)
{
	const char *path = arg, *slash = strrchr(path, '/');
	size_t at, folder = slash ? (size_t)(slash - path) + 1 : 0;
	const char *beside = arena_printf(arena, "%.*s%.*s.yaml", (int)folder, path, STR_ARG(name)).p;
	if (version.n || str_find_char(name, '/', &at) || access(beside, F_OK) != 0)
		return lang_template(name, version, ret_text, ret_file, err);
	*ret_file = beside;
	return read_file(beside, arena, ret_text, err);
}

/* The server passes over it. */
static bool is_misnamed(struct str path)
{
	size_t at;
	return str_find(path, STR(".penstock/"), &at) && str_ends(path, STR(".yml"));
}

bool pipeline_files_load(const char *path, struct arena *arena, const struct pipeline **ret, struct lang_errors *errors)
{
	struct str text;
	struct err err = {0};
	struct lang_loader loader = {.arg = (void *)(uintptr_t)path, .load = load_base};
	if (is_misnamed(str_of(path)))
		return lang_error_add(errors, (struct lang_place){.file = path},
			"the server does not read it: pipeline files end in .yaml, so rename it");
	if (!read_file(path, arena, &text, &err))
		return lang_error_add(errors, (struct lang_place){.file = path}, "%s", err.text);
	return lang_load(text, path, &loader, arena, ret, errors);
}

void pipeline_files_print(const struct lang_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		fprintf(stderr, "%.*s\n", STR_ARG(lang_error_text(&errors->items[i], errors->arena)));
	if (errors->left_out)
		fprintf(stderr, "and %zu more\n", errors->left_out);
}
