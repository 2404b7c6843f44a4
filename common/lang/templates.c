#include "common/lang/templates.h"

bool lang_template(struct str name, struct str version, struct str *ret_text, const char **ret_file, struct err *err)
{
	const char *names[16];
	size_t count = 0;
	if (version.n && !str_is(version, "1"))
		return err_set(err, ERR_NOT_FOUND,
			"there is no version \"%.*s\" of the template \"%.*s\"; the one that ships is 1",
			STR_ARG(version), STR_ARG(name));
	for (const struct lang_shipped *shipped = lang_shipped_templates; shipped->name; shipped++) {
		if (str_is(name, shipped->name)) {
			*ret_text = shipped->text;
			*ret_file = shipped->file;
			return true;
		}
		names[count++] = shipped->name;
	}
	names[count] = NULL;
	const char *nearest = str_nearest(name, names);
	return err_set(err, ERR_NOT_FOUND, "there is no pipeline or template \"%.*s\"%s%s%s", STR_ARG(name),
		nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}
