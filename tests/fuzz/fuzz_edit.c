// links: penstock_common
// max_len: 4096
/*
 * Changing a value of somebody's YAML or JSON file in place: the input is a byte (odd: JSON), a line with the path, a
 * line with the value, then the file. What comes out has the value at the path, every byte before and behind it as it
 * was, and nothing is left to change.
 */
#include "common/arena.h"
#include "common/yaml_edit.h"
#include "common/yaml_path.h"
#include "tests/fuzz/fuzz.h"

static bool find(struct str text, struct str path_text, struct marked_node **ret, struct arena *arena)
{
	struct yaml_path path;
	struct marked_file file;
	return yaml_path_read(path_text, &path, arena, NULL) && yaml_marks_read(text, &file, arena, NULL) &&
	       yaml_path_find(&path, &file, ret, arena, NULL);
}

static void check_marks(const struct marked_node *node, struct str text)
{
	BUG_ON(node->kind == MARKED_TEXT && (node->start > node->end || node->end > text.n));
	for (size_t i = 0; i < node->count; i++) {
		check_marks(node->items[i], text);
		if (node->kind == MARKED_MAP)
			check_marks(node->keys[i], text);
	}
}

static void check_edited(struct str name, struct str text, const struct pair_list *set,
	const struct yaml_edited *edited, struct arena *arena)
{
	struct marked_node *before, *after;
	struct yaml_edited again;
	struct err err = {0};
	struct str path = set->items[0].name;
	BUG_ON(edited->count != 1 || edited->is_changed != edited->changes[0].is_changed);
	BUG_ON(!edited->is_changed && !str_eq(edited->text, text));
	BUG_ON(!find(text, path, &before, arena) || !find(edited->text, path, &after, arena));
	BUG_ON(!str_eq(after->text, set->items[0].value) || before->start != after->start);
	struct str old_rest = str_skip(text, before->end), new_rest = str_skip(edited->text, after->end);
	BUG_ON(!str_eq(str_head(text, before->start), str_head(edited->text, after->start)));
	BUG_ON(!str_eq(old_rest, new_rest));
	if (!yaml_edit(name, edited->text, set, &again, arena, &err))
		BUG("once more: %s", err.text);
	BUG_ON(again.is_changed || !str_eq(again.text, edited->text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena arena = {0};
	struct str text = fuzz_input(data, size), name = fuzz_byte(&text) % 2 ? STR("a.json") : STR("a.yaml");
	struct pair pair = {.name = fuzz_part(&text, '\n'), .value = fuzz_part(&text, '\n')};
	struct pair_list set = {&pair, 1};
	struct marked_file file;
	struct yaml_edited edited;
	struct err err = {0};
	if (yaml_marks_read(text, &file, &arena, &err))
		for (size_t i = 0; i < file.count; i++)
			check_marks(file.documents[i], text);
	if (yaml_edit(name, text, &set, &edited, &arena, &err))
		check_edited(name, text, &set, &edited, &arena);
	else
		BUG_ON(err.kind == ERR_NONE || err.text[0] == 0);
	return 0;
}
