#include "server/configuration/append.h"

#include "common/lang/configuration.h"
#include "common/yaml.h"

/* Where a line (from 1) begins; the end of the text where it has fewer. */
static size_t offset_of_line(struct str text, int32_t line)
{
	size_t offset = 0, n;
	while (line-- > 1 && str_find_char(str_skip(text, offset), '\n', &n))
		offset += n + 1;
	return line > 0 ? text.n : offset;
}

/* Behind the last line before `end` that holds more than blanks and comments: those belong to what follows. */
static size_t behind_content(struct str text, size_t end)
{
	size_t behind = 0;
	for (size_t at = 0, n; at < end; at += n + 1) {
		if (!str_find_char(str_skip(text, at), '\n', &n))
			n = text.n - at;
		struct str line = str_trim(str_head(str_skip(text, at), n));
		if (line.n && line.p[0] != '#')
			behind = at + n + 1;
	}
	return behind < end ? behind : end;
}

static struct str insert(struct str text, size_t at, struct str lines, struct arena *arena)
{
	bool needs_end = at > 0 && text.p[at - 1] != '\n';
	return arena_printf(arena, "%.*s%s%.*s%.*s", (int)at, text.p ? text.p : "", needs_end ? "\n" : "",
		STR_ARG(lines), STR_ARG(str_skip(text, at)));
}

/* The key of the root's mapping behind the one at `index`, or the end. */
static size_t end_of_value(struct str text, const struct yaml_node *root, size_t index)
{
	return index + 1 < root->count ? offset_of_line(text, root->keys[index + 1]->line) : text.n;
}

static struct str try_append(struct str text, struct str name, struct str definition, struct arena *arena)
{
	const struct yaml_node *root = NULL;
	struct yaml_faults faults = {0};
	struct str own = arena_printf(arena, "environments:\n  %.*s: %.*s\n", STR_ARG(name), STR_ARG(definition));
	if (!yaml_read(text, arena, &root, &faults) || !root || root->kind != YAML_MAP)
		return insert(text, text.n, own, arena);
	for (size_t i = 0; i < root->count; i++) {
		const struct yaml_node *value = root->items[i];
		if (!str_is(root->keys[i]->text, "environments"))
			continue;
		int indent = value->kind == YAML_MAP && value->count ? (int)value->keys[0]->column - 1 : 2;
		struct str line =
			arena_printf(arena, "%*s%.*s: %.*s\n", indent, "", STR_ARG(name), STR_ARG(definition));
		return insert(text, behind_content(text, end_of_value(text, root, i)), line, arena);
	}
	return insert(text, text.n, own, arena);
}

static bool load(struct str text, struct arena *arena, const struct configuration **ret)
{
	struct lang_errors errors = {.arena = arena};
	return configuration_load(text, "configuration", arena, ret, &errors);
}

/* Nothing but this environment came. */
static bool is_only_change(struct str before, struct str after, struct str name, struct arena *arena)
{
	const struct configuration *old, *new;
	if (!load(before, arena, &old) || !load(after, arena, &new) || !configuration_environment(new, name))
		return false;
	json_t *changes = configuration_diff(old, new);
	bool is_one = json_array_size(changes) == 1 && new->environments.count == old->environments.count + 1;
	json_decref(changes);
	return is_one;
}

bool configuration_append_environment(
	struct str text, struct str name, struct str definition, struct arena *arena, struct str *ret, struct err *err)
{
	/* Whatever way the text is written: what was meant is compared with what came out. */
	struct str made = try_append(text, name, definition, arena);
	if (!is_only_change(text, made, name, arena))
		return err_set(err, ERR_CONFLICT,
			"the configuration is written in a way that cannot be added to safely; add this by hand: environments: { "
			"%.*s: %.*s }",
			STR_ARG(name), STR_ARG(definition));
	*ret = made;
	return true;
}
