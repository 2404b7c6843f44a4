#include "common/lang/block.h"
#include "common/lang/configuration.h"
#include "common/lang/lang.h"
#include "common/mem.h"

#include <jansson.h>
#include <string.h>

/*
 * The JSON Schema of the language, from its tables. A schema sees shapes, not names: it cannot know whether a job
 * exists. And it sees one file: a file that builds on another may leave out what that one has, so what every finished
 * pipeline needs is demanded only of files without `extends` and `use`.
 */

static json_t *definition(const struct lang_block *block, json_t *definitions);

static json_t *object(const char *name, json_t *value)
{
	json_t *made = json_object();
	json_object_set_new(made, name, value);
	return made;
}

static json_t *of_type(const char *type)
{
	return object("type", json_string(type));
}

static json_t *any_of(json_t *first, json_t *second)
{
	json_t *both = json_array();
	json_array_append_new(both, first);
	json_array_append_new(both, second);
	return object("anyOf", both);
}

static json_t *names_of(const char *const *names)
{
	json_t *list = json_array();
	for (; *names; names++)
		json_array_append_new(list, json_string(*names));
	return list;
}

#define HAS_EXPRESSION "\\$\\{\\{"
#define NO_EXPRESSION  "^(?![\\s\\S]*\\$\\{\\{)"

/* YAML readers of editors make numbers and booleans of texts that look like them; here they are texts all the same. */
static json_t *text_schema(const struct lang_key *key)
{
	const char *pattern = lang_syntax_rules[key->syntax].pattern;
	json_t *types = json_array();
	json_array_append_new(types, json_string("string"));
	json_array_append_new(types, json_string("number"));
	json_array_append_new(types, json_string("boolean"));
	json_t *schema = object("type", types);
	if (!(key->flags & KEY_MAY_BE_EMPTY))
		json_object_set_new(schema, "minLength", json_integer(1));
	if (!(key->flags & KEY_TEMPLATE)) {
		json_object_set_new(schema, "pattern", json_string(pattern ? pattern : NO_EXPRESSION));
	} else if (pattern) {
		json_t *choices = json_array();
		json_array_append_new(choices, object("pattern", json_string(pattern)));
		json_array_append_new(choices, object("pattern", json_string(HAS_EXPRESSION)));
		json_object_set_new(schema, "anyOf", choices);
	}
	return schema;
}

static json_t *number_schema(const struct lang_key *key, const char *type, double scale)
{
	json_t *schema = of_type(type);
	bool is_whole = scale == 1;
	json_object_set_new(schema, "minimum", is_whole ? json_integer(key->min) : json_real((double)key->min / scale));
	if (key->max)
		json_object_set_new(
			schema, "maximum", is_whole ? json_integer(key->max) : json_real((double)key->max / scale));
	return schema;
}

static json_t *pattern_schema(const char *pattern)
{
	json_t *schema = of_type("string");
	json_object_set_new(schema, "pattern", json_string(pattern));
	return schema;
}

/* One value or a list of them, as every list may be written. */
static json_t *one_or_many(json_t *one, int64_t least)
{
	json_t *list = of_type("array");
	json_object_set(list, "items", one);
	json_object_set_new(list, "maxItems", json_integer(LANG_ITEMS_MAX));
	if (least)
		json_object_set_new(list, "minItems", json_integer(least));
	return any_of(one, list);
}

static json_t *names_schema(enum lang_syntax syntax)
{
	const char *pattern = lang_syntax_rules[syntax].pattern;
	return pattern ? object("pattern", json_string(pattern)) : json_true();
}

static json_t *map_schema(const struct lang_key *key, json_t *values)
{
	json_t *schema = of_type("object");
	if (key->names) {
		json_t *properties = json_object();
		for (const char *const *name = key->names; *name; name++)
			json_object_set(properties, *name, values);
		json_object_set_new(schema, "properties", properties);
		json_object_set_new(schema, "additionalProperties", json_false());
		json_decref(values);
	} else {
		json_object_set_new(schema, "propertyNames", names_schema(key->name_syntax));
		json_object_set_new(schema, "additionalProperties", values);
	}
	json_object_set_new(schema, "maxProperties", json_integer(LANG_ITEMS_MAX));
	if (key->min)
		json_object_set_new(schema, "minProperties", json_integer(key->min));
	return schema;
}

static json_t *value_schema(const struct lang_key *key, json_t *definitions)
{
	switch (key->kind) {
	case LANG_TEXT:
		return text_schema(key);
	case LANG_NUMBER:
		return number_schema(key, "integer", 1);
	case LANG_THOUSANDTHS:
		return number_schema(key, "number", 1000);
	case LANG_REAL:
		return of_type("number");
	case LANG_FLAG:
		return of_type("boolean");
	case LANG_DURATION:
		return pattern_schema(lang_syntax_rules[SYNTAX_DURATION].pattern);
	case LANG_SIZE:
		return pattern_schema("^[0-9]+(\\.[0-9]+)?(TiB|GiB|MiB|KiB|B|TB|GB|MB|kB)$");
	case LANG_CHOICE:
		return object("enum", names_of(key->names));
	case LANG_CHOICES:
		return one_or_many(object("enum", names_of(key->names)), key->min);
	case LANG_TEXTS:
		return one_or_many(text_schema(key), key->min);
	case LANG_PAIRS:
		return map_schema(key, text_schema(key));
	case LANG_ROWS: {
		struct lang_key row = *key;
		row.min = 0;
		return one_or_many(map_schema(&row, text_schema(key)), key->min);
	}
	case LANG_BLOCK:
		return definition(key->block, definitions);
	case LANG_BLOCKS:
		return one_or_many(definition(key->block, definitions), key->min);
	case LANG_NAMED:
		return map_schema(key, definition(key->block, definitions));
	}
	BUG("kind %d", (int)key->kind);
}

static json_t *described(json_t *schema, const char *help)
{
	/* A reference hides what stands beside it in draft-07. */
	if (json_object_get(schema, "$ref")) {
		json_t *all = json_array();
		json_array_append_new(all, schema);
		schema = object("allOf", all);
	}
	json_object_set_new(schema, "description", json_string(help));
	return schema;
}

/* Blocks that are merged with those of a base need their keys only when all is merged. */
static bool is_always_required(const struct lang_block *block, const struct lang_key *key)
{
	bool is_merged = block == &lang_pipeline_block || block == &lang_stage_block || block == &lang_job_block ||
			 block == &lang_test_block || block == &lang_deploy_block;
	return (key->flags & KEY_REQUIRED) && (!is_merged || (key->flags & KEY_IDENTIFIES));
}

static json_t *map_of_block(const struct lang_block *block, json_t *definitions)
{
	json_t *schema = of_type("object"), *properties = json_object(), *required = json_array();
	json_object_set_new(schema, "description", json_string(block->help));
	for (const struct lang_key *key = block->keys; key->name; key++) {
		json_object_set_new(properties, key->name, described(value_schema(key, definitions), key->help));
		if (is_always_required(block, key))
			json_array_append_new(required, json_string(key->name));
	}
	json_object_set_new(schema, "properties", properties);
	if (json_array_size(required))
		json_object_set(schema, "required", required);
	json_decref(required);
	if (block->rest) {
		json_object_set_new(schema, "propertyNames", names_schema(block->rest->name_syntax));
		json_object_set_new(schema, "additionalProperties", definition(block->rest->block, definitions));
		json_object_set_new(schema, "minProperties", json_integer(1));
	} else {
		json_object_set_new(schema, "additionalProperties", json_false());
	}
	if (block->one_of) {
		json_t *choices = json_array();
		for (const char *const *name = block->one_of; *name; name++) {
			json_t *needed = json_array();
			json_array_append_new(needed, json_string(*name));
			json_array_append_new(choices, object("required", needed));
		}
		json_object_set_new(schema, "oneOf", choices);
	}
	return schema;
}

static json_t *short_forms(const struct lang_block *block, json_t *map, json_t *definitions)
{
	json_t *forms = json_array();
	if (!(block->flags & BLOCK_ONLY_SHORT))
		json_array_append(forms, map);
	if (block->flags & BLOCK_MAY_BE_NULL)
		json_array_append_new(forms, of_type("null"));
	if (block->word)
		json_array_append_new(forms, object("const", json_string(block->word)));
	if (block->shorthand)
		json_array_append_new(forms, value_schema(lang_find_key(block, str_of(block->shorthand)), definitions));
	if (block->flags & BLOCK_NAMES_KEYS) {
		json_t *names = json_array();
		for (const struct lang_key *key = block->keys; key->name; key++)
			if (key->block->flags & BLOCK_MAY_BE_NULL)
				json_array_append_new(names, json_string(key->name));
		json_array_append_new(forms, one_or_many(object("enum", names), 1));
	}
	json_decref(map);
	if (json_array_size(forms) > 1)
		return object("anyOf", forms);
	json_t *only = json_incref(json_array_get(forms, 0));
	json_decref(forms);
	return only;
}

static json_t *definition(const struct lang_block *block, json_t *definitions)
{
	if (!json_object_get(definitions, block->id)) {
		/* Put there first, so that the order is that of the language's description. */
		json_object_set_new(definitions, block->id, json_null());
		json_t *made = short_forms(block, map_of_block(block, definitions), definitions);
		json_object_set_new(definitions, block->id, made);
	}
	char reference[80];
	snprintf(reference, sizeof reference, "#/definitions/%s", block->id);
	return object("$ref", json_string(reference));
}

/* What a file that builds on no other must have: as a schema of its own, laid over the first. */
static json_t *complete(const struct lang_block *block)
{
	json_t *schema = json_object(), *required = json_array(), *properties = json_object();
	for (const struct lang_key *key = block->keys; key->name; key++) {
		if (key->flags & KEY_REQUIRED)
			json_array_append_new(required, json_string(key->name));
		bool is_nested =
			key->block && key->block->scope != LANG_SCOPE_SAME && key->block->scope != LANG_SCOPE_STEP;
		if (!is_nested)
			continue;
		json_t *inner = complete(key->block);
		if (key->kind == LANG_NAMED)
			inner = object("additionalProperties", inner);
		else if (key->kind == LANG_BLOCKS) {
			json_t *list = object("items", inner);
			json_object_update(list, inner);
			inner = list;
		}
		json_object_set_new(properties, key->name, inner);
	}
	json_object_set_new(schema, "required", required);
	json_object_set_new(schema, "properties", properties);
	return schema;
}

static json_t *requires(const char *key)
{
	json_t *list = json_array();
	json_array_append_new(list, json_string(key));
	return object("required", list);
}

/* No file may give a stage both, whatever it builds on. */
static void add_stage_shape(json_t *definitions)
{
	json_t *both = json_array();
	json_array_append_new(both, json_string("jobs"));
	json_array_append_new(both, json_string("environment"));
	json_object_set_new(json_object_get(definitions, lang_stage_block.id), "not", object("required", both));
}

static json_t *complete_file(void)
{
	json_t *whole = complete(&lang_pipeline_block);
	json_t *stages = json_object_get(json_object_get(whole, "properties"), "stages");
	json_t *shapes = json_array(), *dependencies = json_object();
	json_array_append_new(shapes, requires("jobs"));
	json_array_append_new(shapes, requires("environment"));
	json_array_append_new(shapes, requires("gate"));
	for (const char *const *key = lang_delivery_keys; *key; key++)
		json_object_set_new(dependencies, *key, names_of((const char *const[]){"environment", NULL}));
	json_t *stage = json_object_get(stages, "items");
	json_object_set_new(stage, "anyOf", shapes);
	json_object_set_new(stage, "dependencies", dependencies);
	json_object_update(stages, stage);
	return whole;
}

static json_t *new_schema(const char *title, const struct lang_block *block, json_t *definitions)
{
	json_t *root = json_object(), *all = json_array();
	json_object_set_new(root, "$schema", json_string("http://json-schema.org/draft-07/schema#"));
	json_object_set_new(root, "title", json_string(title));
	json_array_append_new(all, definition(block, definitions));
	json_object_set_new(root, "allOf", all);
	return root;
}

static char *print(json_t *schema)
{
	char *text = json_dumps(schema, JSON_INDENT(2));
	json_decref(schema);
	size_t n = strlen(text);
	char *ended = mem_alloc(n + 2);
	memcpy(ended, text, n);
	ended[n] = '\n';
	free(text);
	return ended;
}

char *lang_schema_json(void)
{
	json_t *definitions = json_object();
	json_t *root = new_schema("Penstock pipeline", &lang_pipeline_block, definitions);
	add_stage_shape(definitions);
	json_object_set_new(root, "if", any_of(requires("extends"), requires("use")));
	json_object_set_new(root, "else", complete_file());
	json_object_set_new(root, "definitions", definitions);
	return print(root);
}

char *configuration_schema_json(void)
{
	json_t *definitions = json_object();
	json_t *root = new_schema("Penstock configuration", &lang_configuration_block, definitions);
	json_object_set_new(root, "definitions", definitions);
	return print(root);
}
