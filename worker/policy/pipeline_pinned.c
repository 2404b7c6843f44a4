#include "common/mem.h"
#include "common/yaml.h"
#include "worker/policy/policy.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 200 };

struct pin {
	struct policy *policy;
	struct str file;
};

static void tell(const struct pin *pin, const struct yaml_node *node, struct str message, const char *help)
{
	policy_tell(pin->policy, &(struct finding){.path = pin->file,
					 .line = node->line,
					 .column = node->column,
					 .message = message,
					 .help = str_of(help)});
}

static bool is_digest(struct str text)
{
	if (!str_starts(text, STR("sha256:")) || text.n != 7 + 64)
		return false;
	for (size_t i = 7; i < text.n; i++)
		if (!isxdigit((unsigned char)text.p[i]))
			return false;
	return true;
}

/* An output of a job that was built in this very run is as good as a digest that is written out. */
static void check_image(const struct pin *pin, const struct yaml_node *node)
{
	size_t at = 0;
	struct str rest = node->text;
	bool has_digest = false;
	while (str_find_char(rest, '@', &at) && !has_digest) {
		rest = str_skip(rest, at + 1);
		has_digest = is_digest(rest) || str_starts(rest, STR("${{"));
	}
	if (has_digest || !node->text.n)
		return;
	tell(pin, node,
		arena_printf(&pin->policy->arena,
			"the image \"%.*s\" is named by a tag, which may mean another one tomorrow",
			STR_ARG(node->text)),
		"name it by its digest: NAME@sha256:... (docker buildx imagetools inspect NAME shows it)");
}

static void check_use(const struct pin *pin, const struct yaml_node *node)
{
	static const char *const moving[] = {"latest", "main", "master", "head", "stable", NULL};
	size_t at = node->text.n;
	bool has_version = str_find_char(node->text, '@', &at);
	struct str version = has_version ? str_skip(node->text, at + 1) : (struct str){0};
	bool is_moving = !version.n || !isalnum((unsigned char)version.p[0]);
	for (size_t i = 0; moving[i]; i++)
		is_moving = is_moving || str_is(version, moving[i]);
	for (size_t i = 0; i < version.n; i++)
		is_moving = is_moving || strchr("*^~<>", version.p[i]);
	if (is_moving)
		tell(pin, node,
			arena_printf(&pin->policy->arena, "\"%.*s\" names no exact version of a template",
				STR_ARG(node->text)),
			"write NAME@VERSION with a version that does not move");
}

/* A file of the same commit is pinned by it; without one, `extends` takes what the server ships at the time. */
static void check_extends(const struct pin *pin, const struct yaml_node *node)
{
	struct arena *arena = &pin->policy->arena;
	struct str path = arena_printf(arena, ".penstock/%.*s.yaml", STR_ARG(node->text));
	struct err err = {0};
	int fd = policy_open(pin->policy, path, NULL, &err);
	if (fd >= 0)
		close(fd);
	else
		tell(pin, node,
			arena_printf(arena,
				"there is no %.*s in this commit, so \"extends: %.*s\" takes what the server ships",
				STR_ARG(path), STR_ARG(node->text)),
			"name a version: use: NAME@VERSION");
}

/* What steps and values are called is the pipeline's own affair. */
static bool is_free_form(struct str key)
{
	static const char *const keys[] = {"env", "with", "inputs", "set", "outputs", "reports", "matrix", NULL};
	for (size_t i = 0; keys[i]; i++)
		if (str_is(key, keys[i]))
			return true;
	return false;
}

static void walk(const struct pin *pin, const struct yaml_node *node)
{
	for (size_t i = 0; node->kind != YAML_TEXT && i < node->count; i++) {
		const struct yaml_node *item = node->items[i];
		struct str key = node->kind == YAML_MAP ? node->keys[i]->text : (struct str){0};
		if (item->kind == YAML_TEXT && str_is(key, "image"))
			check_image(pin, item);
		else if (!is_free_form(key))
			walk(pin, item);
	}
}

static void check_file(struct policy *policy, const char *name)
{
	auto_arena arena = {0};
	struct pin pin = {policy, arena_printf(&policy->arena, ".penstock/%s", name)};
	struct err err = {0};
	struct str text;
	const struct yaml_node *root = NULL;
	struct yaml_faults faults = {0};
	if (!policy_load(policy, pin.file, YAML_BYTES_MAX, &arena, &text, &err)) {
		policy_fault(policy, "%s", err.text);
		return;
	}
	if (!yaml_read(text, &arena, &root, &faults)) {
		struct yaml_fault *fault = &faults.items[faults.count - 1];
		struct finding finding = {
			.path = pin.file, .line = fault->line, .column = fault->column, .message = fault->message};
		policy_tell(policy, &finding);
		return;
	}
	if (!root || root->kind != YAML_MAP)
		return;
	const struct yaml_node *use = yaml_get(root, "use"), *extends = yaml_get(root, "extends");
	if (use && use->kind == YAML_TEXT)
		check_use(&pin, use);
	if (extends && extends->kind == YAML_TEXT)
		check_extends(&pin, extends);
	walk(&pin, root);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_pipeline(const struct dirent *entry)
{
	struct str name = str_of(entry->d_name);
	return str_ends(name, STR(".yaml")) && name.p[0] != '.';
}

void policy_pipeline_pinned(struct policy *policy)
{
	struct dirent **names = NULL;
	auto_fd int folder = openat(policy->workspace, ".penstock", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int count = folder < 0 ? 0 : scandirat(folder, ".", &names, is_pipeline, by_name);
	if (count > FILES_MAX)
		policy_fault(policy, ".penstock holds more than %d files", FILES_MAX);
	for (int i = 0; i < count; i++) {
		if (i < FILES_MAX)
			check_file(policy, names[i]->d_name);
		free(names[i]);
	}
	free(names);
}
