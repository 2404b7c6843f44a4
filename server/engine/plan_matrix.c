#include "server/engine/planning.h"

/*
 * A matrix: all combinations of its axes, the last axis running fastest; minus those that `exclude` matches; then each
 * row of `include` adds its values to the combinations that it does not contradict, or is a combination of its own.
 */

struct grid {
	struct planning *in;
	struct pair_list *items;
	size_t count;
};

static void add(struct grid *grid, struct pair_list pairs)
{
	grid->items = arena_grow(grid->in->arena, grid->items, sizeof *grid->items, grid->count);
	grid->items[grid->count++] = pairs;
}

static struct pair_list copy(struct planning *in, const struct pair_list *pairs)
{
	struct pair_list made = {0};
	for (size_t i = 0; i < pairs->count; i++)
		pair_set(&made, in->arena, pairs->items[i].name, pairs->items[i].value);
	return made;
}

static struct pair_list row_of(const struct plan_scope *scope, const struct lang_pairs *row)
{
	struct pair_list pairs = {0};
	for (size_t i = 0; i < row->count; i++)
		pair_set(
			&pairs, scope->in->arena, row->items[i].name.text, scope_text_now(scope, &row->items[i].value));
	return pairs;
}

static void cross(struct grid *grid, const struct plan_scope *scope, const struct pipeline_matrix *matrix)
{
	add(grid, (struct pair_list){0});
	for (size_t i = 0; i < matrix->axes.count; i++) {
		const struct pipeline_axis *axis = &matrix->axes.items[i];
		struct str_list values = {.items = arena_array(grid->in->arena, struct str, axis->values.count)};
		for (; values.count < axis->values.count; values.count++)
			values.items[values.count] = scope_text_now(scope, &axis->values.items[values.count]);
		struct grid wider = {.in = grid->in};
		for (size_t j = 0; j < grid->count && wider.count <= LANG_MATRIX_MAX; j++) {
			for (size_t k = 0; k < values.count; k++) {
				struct pair_list pairs = copy(grid->in, &grid->items[j]);
				pair_set(&pairs, grid->in->arena, axis->name.text, values.items[k]);
				add(&wider, pairs);
			}
		}
		*grid = wider;
	}
}

static bool has_all(const struct pair_list *pairs, const struct pair_list *wanted)
{
	struct str value;
	for (size_t i = 0; i < wanted->count; i++)
		if (!pair_find(pairs, wanted->items[i].name, &value) || !str_eq(value, wanted->items[i].value))
			return false;
	return true;
}

static void exclude(struct grid *grid, const struct plan_scope *scope, const struct pipeline_matrix *matrix)
{
	for (size_t i = 0; i < matrix->exclude.count; i++) {
		struct pair_list row = row_of(scope, &matrix->exclude.items[i]);
		size_t kept = 0;
		for (size_t j = 0; j < grid->count; j++)
			if (!has_all(&grid->items[j], &row))
				grid->items[kept++] = grid->items[j];
		grid->count = kept;
	}
}

static bool is_axis(const struct pipeline_matrix *matrix, struct str name)
{
	for (size_t i = 0; i < matrix->axes.count; i++)
		if (str_eq(matrix->axes.items[i].name.text, name))
			return true;
	return false;
}

/* Values of an axis are never overwritten; what an earlier row added may be. */
static bool extend(struct grid *grid, const struct pipeline_matrix *matrix, const struct pair_list *row, size_t crossed)
{
	struct pair_list wanted = {0};
	bool is_used = false;
	for (size_t i = 0; i < row->count; i++)
		if (is_axis(matrix, row->items[i].name))
			pair_set(&wanted, grid->in->arena, row->items[i].name, row->items[i].value);
	for (size_t i = 0; i < crossed; i++) {
		if (!has_all(&grid->items[i], &wanted))
			continue;
		for (size_t j = 0; j < row->count; j++)
			pair_set(&grid->items[i], grid->in->arena, row->items[j].name, row->items[j].value);
		is_used = true;
	}
	return is_used;
}

static void include(struct grid *grid, const struct plan_scope *scope, const struct pipeline_matrix *matrix)
{
	size_t crossed = grid->count;
	for (size_t i = 0; i < matrix->include.count; i++) {
		struct pair_list row = row_of(scope, &matrix->include.items[i]);
		if (!extend(grid, matrix, &row, crossed))
			add(grid, row);
	}
}

const struct pair_list *planning_matrix(
	struct planning *in, const struct plan_scope *scope, const struct pipeline_matrix *matrix, size_t *ret_count)
{
	struct grid grid = {.in = in};
	if (!LANG_IS_SET(*matrix)) {
		*ret_count = 1;
		return arena_new(in->arena, struct pair_list);
	}
	if (matrix->axes.count)
		cross(&grid, scope, matrix);
	bool is_cut = grid.count > LANG_MATRIX_MAX; /* cross() stopped there */
	exclude(&grid, scope, matrix);
	include(&grid, scope, matrix);
	if (grid.count == 0) {
		planning_fail(in, matrix->at, "this matrix has no combination left; \"exclude\" takes all of them out");
		return NULL;
	}
	if (is_cut || grid.count > LANG_MATRIX_MAX) {
		planning_fail(in, matrix->at, "this matrix has more than %d combinations", LANG_MATRIX_MAX);
		return NULL;
	}
	for (size_t i = 1; i < grid.count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (grid.items[i].count != grid.items[j].count || !has_all(&grid.items[i], &grid.items[j]))
				continue;
			planning_fail(in, matrix->at, "this matrix holds the same combination twice");
			return NULL;
		}
	}
	*ret_count = grid.count;
	return grid.items;
}
