#include "cli/document.h"

#include "common/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool document_read(struct cli *cli, const char *path, struct str *ret_text, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "rb");
	if (!file)
		return err_set(err, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
	/* One byte more than any document may have, so that the reader's own words say that it is too large. */
	char *bytes = arena_alloc(&cli->arena, YAML_BYTES_MAX + 1);
	size_t n = fread(bytes, 1, YAML_BYTES_MAX + 1, file);
	bool is_good = !ferror(file) || err_errno(err, "%s", path);
	if (!is_stdin)
		fclose(file);
	if (is_good)
		*ret_text = (struct str){bytes, n};
	return is_good;
}

bool document_check(struct cli *cli, const char *path, struct str text, const struct configuration **ret,
	struct lang_errors *ret_errors)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	*ret_errors = (struct lang_errors){.arena = &cli->arena};
	if (configuration_load_given(text, name, &cli->arena, ret, ret_errors))
		return true;
	for (size_t i = 0; i < ret_errors->count && !cli->is_json; i++) {
		struct str line = lang_error_text(&ret_errors->items[i], &cli->arena);
		fprintf(stderr, "%.*s\n", STR_ARG(line));
	}
	if (ret_errors->left_out && !cli->is_json)
		fprintf(stderr, "and %zu more\n", ret_errors->left_out);
	return false;
}
