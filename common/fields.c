#include "common/fields.h"

#include "common/clock.h"

#include <string.h>

static bool read_object(const struct field *fields, const json_t *object, void *out, struct arena *arena,
	bool is_strict, struct err *err);

static void *at(const struct field *field, const void *base)
{
	return (char *)(uintptr_t)base + field->offset;
}

static size_t *count_at(const struct field *field, const void *base)
{
	return (size_t *)(void *)((char *)(uintptr_t)base + field->count_offset);
}

static struct str json_str(const json_t *value)
{
	return (struct str){json_string_value(value), json_string_length(value)};
}

bool enum_from_name(const char *const *names, struct str name, int *ret)
{
	for (int i = 0; names[i]; i++) {
		if (str_is(name, names[i])) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool fail_enum(const char *const *names, struct str got, struct err *err)
{
	const char *nearest = str_nearest(got, names);
	if (nearest)
		return err_set(err, ERR_INVALID, "unknown value \"%.*s\"; did you mean \"%s\"?", STR_ARG(got), nearest);
	return err_set(
		err, ERR_INVALID, "unknown value \"%.*s\"; the first allowed one is \"%s\"", STR_ARG(got), names[0]);
}

bool field_from_text(const struct field *field, struct str text, void *out, struct arena *arena, struct err *err)
{
	int64_t number;
	int choice;
	switch (field->kind) {
	case FIELD_BOOL:
		if (str_is(text, "t") || str_is(text, "true"))
			*(bool *)at(field, out) = true;
		else if (str_is(text, "f") || str_is(text, "false"))
			*(bool *)at(field, out) = false;
		else
			return err_set(err, ERR_INVALID, "%s: expected true or false", field->name);
		return true;
	case FIELD_I32:
	case FIELD_I64:
		if (!str_to_i64(text, &number) || (field->kind == FIELD_I32 && number != (int32_t)number))
			return err_set(
				err, ERR_INVALID, "%s: expected a number, got \"%.*s\"", field->name, STR_ARG(text));
		if (field->kind == FIELD_I32)
			*(int32_t *)at(field, out) = (int32_t)number;
		else
			*(int64_t *)at(field, out) = number;
		return true;
	case FIELD_F64:
		if (!str_to_f64(text, at(field, out)))
			return err_set(
				err, ERR_INVALID, "%s: expected a number, got \"%.*s\"", field->name, STR_ARG(text));
		return true;
	case FIELD_STR:
		*(struct str *)at(field, out) = arena_str(arena, text);
		return true;
	case FIELD_ENUM_OF:
		if (!enum_from_name(field->names, text, &choice)) {
			fail_enum(field->names, text, err);
			return err_wrap(err, "%s", field->name);
		}
		*(int *)at(field, out) = choice;
		return true;
	case FIELD_TIME:
		if (!clock_parse(text, at(field, out)))
			return err_set(err, ERR_INVALID, "%s: \"%.*s\" is not a time", field->name, STR_ARG(text));
		return true;
	case FIELD_JSON:
	case FIELD_STRS:
	case FIELD_OBJECT:
	case FIELD_POINTER:
	case FIELD_LIST:
	case FIELD_PAIRS:
		break;
	}
	BUG("field %s has no text form", field->name);
}

static bool read_strs(const struct field *field, const json_t *value, void *out, struct arena *arena, struct err *err)
{
	if (!json_is_array(value))
		return err_set(err, ERR_INVALID, "%s: expected a list of texts", field->name);
	struct str_list list = {.items = arena_array(arena, struct str, json_array_size(value))};
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *item = json_array_get(value, i);
		if (!json_is_string(item))
			return err_set(err, ERR_INVALID, "%s[%zu]: expected a text", field->name, i);
		list.items[list.count++] = arena_str(arena, json_str(item));
	}
	*(struct str_list *)at(field, out) = list;
	return true;
}

static bool read_pairs(const struct field *field, const json_t *value, void *out, struct arena *arena, struct err *err)
{
	if (!json_is_object(value))
		return err_set(err, ERR_INVALID, "%s: expected an object of texts", field->name);
	struct pair_list list = {0};
	const char *name;
	json_t *item;
	json_object_foreach((json_t *)(uintptr_t)value, name, item)
	{
		if (!json_is_string(item))
			return err_set(err, ERR_INVALID, "%s.%s: expected a text", field->name, name);
		list.items = arena_grow(arena, list.items, sizeof *list.items, list.count);
		list.items[list.count++] =
			(struct pair){arena_str(arena, str_of(name)), arena_str(arena, json_str(item))};
	}
	*(struct pair_list *)at(field, out) = list;
	return true;
}

static bool read_list(
	const struct field *field, const json_t *value, void *out, struct arena *arena, bool is_strict, struct err *err)
{
	if (!json_is_array(value))
		return err_set(err, ERR_INVALID, "%s: expected a list", field->name);
	size_t count = json_array_size(value);
	char *items = arena_alloc_array(arena, field->size, count);
	for (size_t i = 0; i < count; i++)
		if (!read_object(
			    field->fields, json_array_get(value, i), items + i * field->size, arena, is_strict, err))
			return err_wrap(err, "%s[%zu]", field->name, i);
	*(void **)at(field, out) = items;
	*count_at(field, out) = count;
	return true;
}

static bool read_scalar(const struct field *field, const json_t *value, void *out, struct arena *arena, struct err *err)
{
	switch (field->kind) {
	case FIELD_BOOL:
		if (!json_is_boolean(value))
			return err_set(err, ERR_INVALID, "%s: expected true or false", field->name);
		*(bool *)at(field, out) = json_is_true(value);
		return true;
	case FIELD_I32:
	case FIELD_I64:
		if (!json_is_integer(value) ||
			(field->kind == FIELD_I32 && json_integer_value(value) != (int32_t)json_integer_value(value)))
			return err_set(err, ERR_INVALID, "%s: expected a whole number", field->name);
		if (field->kind == FIELD_I32)
			*(int32_t *)at(field, out) = (int32_t)json_integer_value(value);
		else
			*(int64_t *)at(field, out) = json_integer_value(value);
		return true;
	case FIELD_F64:
		if (!json_is_number(value))
			return err_set(err, ERR_INVALID, "%s: expected a number", field->name);
		*(double *)at(field, out) = json_number_value(value);
		return true;
	case FIELD_STR:
	case FIELD_ENUM_OF:
	case FIELD_TIME:
		if (!json_is_string(value))
			return err_set(err, ERR_INVALID, "%s: expected a text", field->name);
		return field_from_text(field, json_str(value), out, arena, err);
	case FIELD_JSON:
		*(const json_t **)at(field, out) = value;
		return true;
	case FIELD_STRS:
	case FIELD_OBJECT:
	case FIELD_POINTER:
	case FIELD_LIST:
	case FIELD_PAIRS:
		break;
	}
	BUG("field %s is no scalar", field->name);
}

static bool read_value(
	const struct field *field, const json_t *value, void *out, struct arena *arena, bool is_strict, struct err *err)
{
	void *inner = at(field, out);
	switch (field->kind) {
	case FIELD_STRS:
		return read_strs(field, value, out, arena, err);
	case FIELD_PAIRS:
		return read_pairs(field, value, out, arena, err);
	case FIELD_LIST:
		return read_list(field, value, out, arena, is_strict, err);
	case FIELD_POINTER:
		*(void **)at(field, out) = inner = arena_alloc(arena, field->size);
		__attribute__((fallthrough));
	case FIELD_OBJECT:
		return read_object(field->fields, value, inner, arena, is_strict, err) ||
		       err_wrap(err, "%s", field->name);
	case FIELD_BOOL:
	case FIELD_I32:
	case FIELD_I64:
	case FIELD_F64:
	case FIELD_STR:
	case FIELD_ENUM_OF:
	case FIELD_TIME:
	case FIELD_JSON:
		break;
	}
	return read_scalar(field, value, out, arena, err);
}

static bool fail_unknown(const struct field *fields, const char *name, struct err *err)
{
	const char *names[64];
	size_t count = 0;
	for (const struct field *field = fields; field->name && count < 63; field++)
		names[count++] = field->name;
	names[count] = NULL;
	const char *nearest = str_nearest(str_of(name), names);
	if (nearest)
		return err_set(err, ERR_INVALID, "unknown name \"%s\"; did you mean \"%s\"?", name, nearest);
	return err_set(err, ERR_INVALID, "unknown name \"%s\"", name);
}

static bool check_names(const struct field *fields, const json_t *object, struct err *err)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		const struct field *field = fields;
		while (field->name && strcmp(field->name, name) != 0)
			field++;
		if (!field->name)
			return fail_unknown(fields, name, err);
	}
	return true;
}

static bool read_object(const struct field *fields, const json_t *object, void *out, struct arena *arena,
	bool is_strict, struct err *err)
{
	if (!json_is_object(object))
		return err_set(err, ERR_INVALID, "expected an object");
	if (is_strict && !check_names(fields, object, err))
		return false;
	for (const struct field *field = fields; field->name; field++) {
		const json_t *value = json_object_get(object, field->name);
		if (!value || json_is_null(value)) {
			if (field->flags & FIELD_REQUIRED)
				return err_set(err, ERR_INVALID, "%s: is required", field->name);
			continue;
		}
		if (!read_value(field, value, out, arena, is_strict, err))
			return false;
	}
	return true;
}

bool fields_read(const struct field *fields, const json_t *object, void *out, struct arena *arena, struct err *err)
{
	return read_object(fields, object, out, arena, true, err);
}

bool fields_read_loose(
	const struct field *fields, const json_t *object, void *out, struct arena *arena, struct err *err)
{
	return read_object(fields, object, out, arena, false, err);
}

static json_t *write_text(struct str text)
{
	json_t *value = json_stringn(text.p ? text.p : "", text.n);
	return value ? value : json_string("(not UTF-8)");
}

static json_t *write_time(int64_t when_us)
{
	char text[CLOCK_TEXT_BYTES];
	if (when_us == 0)
		return json_null();
	clock_format(when_us, text);
	return json_string(text);
}

static json_t *write_strs(const struct str_list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, write_text(list->items[i]));
	return array;
}

static json_t *write_pairs(const struct pair_list *list)
{
	json_t *object = json_object();
	for (size_t i = 0; i < list->count; i++)
		json_object_setn_new(
			object, list->items[i].name.p, list->items[i].name.n, write_text(list->items[i].value));
	return object;
}

static json_t *write_list(const struct field *field, const void *in)
{
	json_t *array = json_array();
	const char *items = *(char **)at(field, in);
	for (size_t i = 0; i < *count_at(field, in); i++)
		json_array_append_new(array, fields_write(field->fields, items + i * field->size));
	return array;
}

static json_t *write_value(const struct field *field, const void *in)
{
	const void *value = at(field, in);
	switch (field->kind) {
	case FIELD_BOOL:
		return json_boolean(*(const bool *)value);
	case FIELD_I32:
		return json_integer(*(const int32_t *)value);
	case FIELD_I64:
		return json_integer(*(const int64_t *)value);
	case FIELD_F64:
		return json_real(*(const double *)value);
	case FIELD_STR:
		return write_text(*(const struct str *)value);
	case FIELD_ENUM_OF:
		return json_string(field->names[*(const int *)value]);
	case FIELD_TIME:
		return write_time(*(const int64_t *)value);
	case FIELD_JSON:
		return *(json_t *const *)value ? json_incref(*(json_t *const *)value) : json_null();
	case FIELD_STRS:
		return write_strs(value);
	case FIELD_PAIRS:
		return write_pairs(value);
	case FIELD_OBJECT:
		return fields_write(field->fields, value);
	case FIELD_POINTER:
		return *(void *const *)value ? fields_write(field->fields, *(void *const *)value) : json_null();
	case FIELD_LIST:
		return write_list(field, in);
	}
	BUG("field kind %d", (int)field->kind);
}

static bool is_empty(const json_t *value)
{
	return json_is_null(value) || json_is_false(value) ||
	       (json_is_string(value) && json_string_length(value) == 0) ||
	       (json_is_integer(value) && json_integer_value(value) == 0) ||
	       (json_is_array(value) && json_array_size(value) == 0) ||
	       (json_is_object(value) && json_object_size(value) == 0);
}

json_t *fields_write(const struct field *fields, const void *in)
{
	json_t *object = json_object();
	for (const struct field *field = fields; field->name; field++) {
		if (field->flags & FIELD_SECRET)
			continue;
		json_t *value = write_value(field, in);
		if ((field->flags & FIELD_OMIT_EMPTY) && is_empty(value))
			json_decref(value);
		else
			json_object_set_new(object, field->name, value);
	}
	return object;
}

bool pair_find(const struct pair_list *pairs, struct str name, struct str *ret)
{
	for (size_t i = 0; i < pairs->count; i++) {
		if (str_eq(pairs->items[i].name, name)) {
			*ret = pairs->items[i].value;
			return true;
		}
	}
	return false;
}

struct str pair_get(const struct pair_list *pairs, struct str name)
{
	struct str value = {0};
	pair_find(pairs, name, &value);
	return value;
}

void pair_set(struct pair_list *pairs, struct arena *arena, struct str name, struct str value)
{
	for (size_t i = 0; i < pairs->count; i++) {
		if (str_eq(pairs->items[i].name, name)) {
			pairs->items[i].value = value;
			return;
		}
	}
	pairs->items = arena_grow(arena, pairs->items, sizeof *pairs->items, pairs->count);
	pairs->items[pairs->count++] = (struct pair){name, value};
}

void str_list_add(struct str_list *list, struct arena *arena, struct str text)
{
	list->items = arena_grow(arena, list->items, sizeof *list->items, list->count);
	list->items[list->count++] = text;
}

struct str str_list_join(const struct str_list *list, const char *separator, struct arena *arena)
{
	struct str text = {0};
	for (size_t i = 0; i < list->count; i++)
		text = arena_printf(arena, "%.*s%s%.*s", STR_ARG(text), i ? separator : "", STR_ARG(list->items[i]));
	return text;
}
