#include "common/yaml_path.h"

enum { PATH_BYTES_MAX = 1024 };

/* ---- reading ---- */

struct reader {
	struct str text;
	size_t at;
	struct arena *arena;
	struct err *err;
};

static bool fail(struct reader *reader, const char *what)
{
	return err_set(reader->err, ERR_INVALID, "path \"%.*s\", character %zu: %s",
		STR_ARG(str_head(reader->text, 200)), reader->at + 1, what);
}

static char peek(const struct reader *reader)
{
	return reader->at < reader->text.n ? reader->text.p[reader->at] : 0;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '/' || (unsigned char)c >= 0x80;
}

static bool read_quoted(struct reader *reader, struct str *ret)
{
	char quote = peek(reader), *text = arena_alloc(reader->arena, reader->text.n);
	size_t n = 0;
	for (reader->at++; reader->at < reader->text.n; reader->at++) {
		char c = peek(reader);
		if (c == quote) {
			reader->at++;
			*ret = (struct str){text, n};
			return true;
		}
		if (c == '\\' && reader->at + 1 < reader->text.n)
			c = reader->text.p[++reader->at];
		text[n++] = c;
	}
	return fail(reader, "the quote has no end");
}

static bool read_word(struct reader *reader, struct str *ret)
{
	size_t from = reader->at;
	if (peek(reader) == '"' || peek(reader) == '\'')
		return read_quoted(reader, ret);
	while (is_word(peek(reader)))
		reader->at++;
	if (reader->at == from)
		return fail(reader, "a key is expected; other characters than a-z, 0-9, _, - and / go in quotes");
	*ret = str_head(str_skip(reader->text, from), reader->at - from);
	return true;
}

/* "[0]" or "[name=web]" */
static bool read_bracket(struct reader *reader, struct yaml_step *step)
{
	reader->at++;
	if (!read_word(reader, &step->name))
		return false;
	step->kind = YAML_STEP_INDEX;
	if (peek(reader) == '=') {
		size_t from = ++reader->at;
		step->kind = YAML_STEP_MATCH;
		if (peek(reader) == '"' || peek(reader) == '\'') {
			if (!read_quoted(reader, &step->value))
				return false;
		} else {
			while (peek(reader) && peek(reader) != ']')
				reader->at++;
			step->value = str_head(str_skip(reader->text, from), reader->at - from);
		}
	} else if (!str_to_i64(step->name, &step->index) || step->index < 0) {
		return fail(reader, "[] holds the number of an item from 0, or [key=value]");
	}
	if (peek(reader) != ']')
		return fail(reader, "\"]\" is missing");
	reader->at++;
	return true;
}

bool yaml_path_read(struct str text, struct yaml_path *ret, struct arena *arena, struct err *err)
{
	struct reader reader = {.text = text, .arena = arena, .err = err};
	struct yaml_path path = {.text = text};
	if (text.n > PATH_BYTES_MAX || text.n == 0)
		return fail(&reader, text.n ? "the path is too long" : "the path is empty");
	while (reader.at < text.n) {
		struct yaml_step step = {.kind = YAML_STEP_KEY};
		bool is_bracket = peek(&reader) == '[';
		if (!is_bracket && path.count && peek(&reader) != '.')
			return fail(&reader, "\".\" or \"[\" is expected");
		if (!is_bracket && path.count)
			reader.at++;
		if (!(is_bracket ? read_bracket(&reader, &step) : read_word(&reader, &step.name)))
			return false;
		step.until = str_head(text, reader.at);
		path.steps = arena_grow(arena, path.steps, sizeof *path.steps, path.count);
		path.steps[path.count++] = step;
	}
	*ret = path;
	return true;
}

/* ---- finding ---- */

struct finder {
	const struct yaml_path *path;
	struct arena *arena;
	struct err *err; /* of the document that got furthest */
	size_t reached;
};

static struct str place_of(const struct finder *finder, size_t step)
{
	return step ? arena_printf(finder->arena, "\"%.*s\"", STR_ARG(finder->path->steps[step - 1].until))
		    : STR("the top of the file");
}

/* Keys that are no texts, and those behind "<<", cannot be named. */
static struct marked_node *get(const struct marked_node *map, struct str name, bool *ret_is_double)
{
	struct marked_node *found = NULL;
	*ret_is_double = false;
	for (size_t i = 0; i < map->count; i++) {
		if (map->keys[i]->kind != MARKED_TEXT || !str_eq(map->keys[i]->text, name))
			continue;
		*ret_is_double |= found != NULL;
		found = map->items[i];
	}
	return found;
}

static bool fail_missing_key(struct finder *finder, const struct marked_node *map, size_t at)
{
	struct yaml_path path = *finder->path;
	struct str name = path.steps[at].name, nearest;
	/* Written with a dot in the file: `image.tag: v1`. */
	struct str rest = at ? str_skip(path.text, path.steps[at - 1].until.n + 1) : path.text;
	struct str_list names = {arena_array(finder->arena, struct str, map->count), 0};
	for (size_t i = 0; i < map->count; i++)
		if (map->keys[i]->kind == MARKED_TEXT)
			names.items[names.count++] = map->keys[i]->text;
	const char *where = place_of(finder, at).p;
	if (!str_eq(rest, name) && str_list_has(&names, rest))
		return err_set(finder->err, ERR_NOT_FOUND,
			"there is no \"%.*s\" at %s (line %d), but a key with dots; write it in quotes: \"%.*s\"",
			STR_ARG(name), where, map->line, STR_ARG(rest));
	if (str_list_nearest(&names, name, &nearest))
		return err_set(finder->err, ERR_NOT_FOUND,
			"there is no \"%.*s\" at %s (line %d); did you mean \"%.*s\"?", STR_ARG(name), where, map->line,
			STR_ARG(nearest));
	struct str some = {0};
	for (size_t i = 0; i < names.count && i < 5; i++)
		some = arena_printf(finder->arena, "%.*s%s%.*s", STR_ARG(some), i ? ", " : "",
			STR_ARG(str_head(names.items[i], 40)));
	return err_set(finder->err, ERR_NOT_FOUND, "there is no \"%.*s\" at %s (line %d); there are: %.*s%s",
		STR_ARG(name), where, map->line, STR_ARG(some), names.count > 5 ? ", ..." : "");
}

static bool matches(const struct marked_node *item, const struct yaml_step *step)
{
	bool is_double;
	const struct marked_node *value = item->kind == MARKED_MAP ? get(item, step->name, &is_double) : NULL;
	return value && value->kind == MARKED_TEXT && str_eq(value->text, step->value);
}

static bool take_item(struct finder *finder, const struct marked_node *list, size_t at, struct marked_node **ret)
{
	const struct yaml_step *step = &finder->path->steps[at];
	struct marked_node *found = NULL;
	if (step->kind == YAML_STEP_INDEX) {
		if (step->index >= (int64_t)list->count)
			return err_set(finder->err, ERR_NOT_FOUND,
				"there is no item %lld at %s (line %d): the list has %zu, counted from 0",
				(long long)step->index, place_of(finder, at).p, list->line, list->count);
		*ret = list->items[step->index];
		return true;
	}
	for (size_t i = 0; i < list->count; i++) {
		if (!matches(list->items[i], step))
			continue;
		if (found)
			return err_set(finder->err, ERR_INVALID, "two items of %s have %.*s: %.*s",
				place_of(finder, at).p, STR_ARG(step->name), STR_ARG(step->value));
		found = list->items[i];
	}
	if (!found)
		return err_set(finder->err, ERR_NOT_FOUND, "no item of %s (line %d) has %.*s: %.*s",
			place_of(finder, at).p, list->line, STR_ARG(step->name), STR_ARG(step->value));
	*ret = found;
	return true;
}

static bool fail_kind(struct finder *finder, const struct marked_node *node, size_t at)
{
	static const char *const names[] = {[MARKED_TEXT] = "a text",
		[MARKED_LIST] = "a list",
		[MARKED_MAP] = "a mapping",
		[MARKED_ALIAS] = "an alias"};
	const char *where = place_of(finder, at).p;
	if (node->kind == MARKED_ALIAS)
		return err_set(finder->err, ERR_INVALID,
			"%s (line %d) is an alias of \"&%.*s\"; name the path where the anchor stands", where,
			node->line, STR_ARG(node->text));
	return err_set(finder->err, ERR_NOT_FOUND, "%s (line %d) is %s, which has no %s", where, node->line,
		names[node->kind], finder->path->steps[at].kind == YAML_STEP_KEY ? "keys" : "items");
}

/* What several places share cannot be changed for one of them. */
static bool fail_shared(struct finder *finder, const struct marked_node *node, size_t at)
{
	return err_set(finder->err, ERR_INVALID,
		"%s (line %d) is shared: \"*%.*s\" stands for it elsewhere, so that a change would reach there too",
		place_of(finder, at).p, node->line, STR_ARG(node->anchor));
}

static bool take_step(struct finder *finder, struct marked_node *node, size_t at, struct marked_node **ret)
{
	const struct yaml_step *step = &finder->path->steps[at];
	bool is_double;
	if (node->kind != (step->kind == YAML_STEP_KEY ? MARKED_MAP : MARKED_LIST))
		return fail_kind(finder, node, at);
	if (node->is_shared)
		return fail_shared(finder, node, at);
	if (node->kind == MARKED_LIST)
		return take_item(finder, node, at, ret);
	struct marked_node *found = get(node, step->name, &is_double);
	if (!found)
		return fail_missing_key(finder, node, at);
	if (is_double)
		return err_set(finder->err, ERR_INVALID, "\"%.*s\" stands twice at %s", STR_ARG(step->name),
			place_of(finder, at).p);
	*ret = found;
	return true;
}

/* NULL: not there; the error of the document where most of the path was is kept. */
static struct marked_node *find_in(struct finder *finder, struct marked_node *root)
{
	struct err *kept = finder->err, own = {0};
	struct marked_node *node = root;
	size_t at = 0;
	finder->err = &own;
	while (at < finder->path->count && take_step(finder, node, at, &node))
		at++;
	if (at == finder->path->count && node->is_shared) {
		fail_shared(finder, node, at);
		node = NULL;
	}
	finder->err = kept;
	if (own.kind == ERR_NONE)
		return node;
	if (kept->kind == ERR_NONE || at > finder->reached) {
		*kept = own;
		finder->reached = at;
	}
	return NULL;
}

bool yaml_path_find(const struct yaml_path *path, const struct marked_file *file, struct marked_node **ret,
	struct arena *arena, struct err *err)
{
	struct err furthest = {0};
	struct finder finder = {.path = path, .arena = arena, .err = &furthest};
	struct marked_node *found = NULL;
	for (size_t i = 0; i < file->count; i++) {
		struct marked_node *node = find_in(&finder, file->documents[i]);
		if (node && found)
			return err_set(err, ERR_INVALID,
				"\"%.*s\" is in two documents of the file (lines %d and %d); which one is meant cannot be said, "
				"so put them into files of their own",
				STR_ARG(path->text), found->line, node->line);
		if (node)
			found = node;
	}
	if (!found && furthest.kind == ERR_NONE)
		return err_set(err, ERR_NOT_FOUND, "\"%.*s\": the file is empty", STR_ARG(path->text));
	if (!found)
		return err_set(err, furthest.kind, "\"%.*s\": %s", STR_ARG(path->text), furthest.text);
	*ret = found;
	return true;
}
