#include "common/buf.h"
#include "common/clock.h"
#include "common/lang/block.h"
#include "common/lang/configuration.h"
#include "common/lang/lang.h"
#include "common/lang/roots.h"
#include "common/size.h"

/* The tables of docs/language.md and docs/configuration-service.md. */

enum { REFERENCE_BYTES_MAX = 256 * 1024, BLOCKS_MAX = 64 };

struct page {
	struct buf out;
	struct arena arena;
	const struct lang_block *blocks[BLOCKS_MAX]; /* those that have a section or are to get one, in order */
	size_t block_count;
	const char *other; /* the page of the blocks that pipelines have, too; NULL: this is it */
};

static void add_block(struct page *page, const struct lang_block *block)
{
	for (size_t i = 0; i < page->block_count; i++)
		if (page->blocks[i] == block)
			return;
	BUG_ON(page->block_count == BLOCKS_MAX);
	page->blocks[page->block_count++] = block;
}

/* What a pipeline has too is described with pipelines. */
static bool is_elsewhere(const struct page *page, const struct lang_block *block)
{
	return page->other && (block == &lang_test_block || block == &lang_gate_block);
}

static void add_link(struct page *page, const struct lang_block *block)
{
	bool is_here = !is_elsewhere(page, block);
	buf_addf(&page->out, "[%s](%s#%s)", block->id, is_here ? "" : page->other, block->id);
	if (is_here)
		add_block(page, block);
}

static void add_names(struct page *page, const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		buf_addf(&page->out, "%s`%s`", i ? ", " : "", names[i]);
}

static void add_texts_kind(struct page *page, const struct lang_key *key, bool is_list)
{
	const char *format = lang_syntax_rules[key->syntax].format;
	buf_addf(&page->out, is_list ? "list of %ss" : "%s", format);
}

static void add_kind(struct page *page, const struct lang_key *key)
{
	switch (key->kind) {
	case LANG_TEXT:
		buf_add_c(&page->out, key->flags & KEY_CONDITION ? "expression"
				      : key->flags & KEY_SCRIPT  ? "script"
								 : "");
		if (!(key->flags & (KEY_CONDITION | KEY_SCRIPT)))
			add_texts_kind(page, key, false);
		return;
	case LANG_TEXTS:
		add_texts_kind(page, key, true);
		return;
	case LANG_NUMBER:
		buf_add_c(&page->out, "whole number");
		return;
	case LANG_THOUSANDTHS:
	case LANG_REAL:
		buf_add_c(&page->out, "number");
		return;
	case LANG_FLAG:
		buf_add_c(&page->out, "`true` or `false`");
		return;
	case LANG_DURATION:
		buf_add_c(&page->out, "duration");
		return;
	case LANG_SIZE:
		buf_add_c(&page->out, "size");
		return;
	case LANG_CHOICE:
	case LANG_CHOICES:
		buf_add_c(&page->out, key->kind == LANG_CHOICES ? "list of " : "");
		add_names(page, key->names);
		return;
	case LANG_PAIRS:
		buf_addf(&page->out, "mapping of %s to text",
			key->names ? "kind" : lang_syntax_rules[key->name_syntax].format);
		return;
	case LANG_ROWS:
		buf_add_c(&page->out, "list of mappings");
		return;
	case LANG_BLOCK:
		add_link(page, key->block);
		return;
	case LANG_BLOCKS:
		buf_add_c(&page->out, "list of ");
		add_link(page, key->block);
		return;
	case LANG_NAMED:
		if (key->block->flags & BLOCK_ONLY_SHORT) {
			buf_add_c(&page->out, "list of texts");
			return;
		}
		buf_addf(&page->out, "mapping of %s to ", lang_syntax_rules[key->name_syntax].format);
		add_link(page, key->block);
		return;
	}
}

static void add_range(struct page *page, const struct lang_key *key)
{
	struct arena *arena = &page->arena;
	if (!key->max)
		return;
	if (key->kind == LANG_NUMBER)
		buf_addf(&page->out, " %lld to %lld.", (long long)key->min, (long long)key->max);
	else if (key->kind == LANG_THOUSANDTHS)
		buf_addf(&page->out, " %g to %g.", (double)key->min / 1000, (double)key->max / 1000);
	else if (key->kind == LANG_DURATION && key->min)
		buf_addf(&page->out, " %.*s to %.*s.", STR_ARG(duration_format(arena, key->min)),
			STR_ARG(duration_format(arena, key->max)));
	else if (key->kind == LANG_DURATION)
		buf_addf(&page->out, " At most %.*s.", STR_ARG(duration_format(arena, key->max)));
	else if (key->kind == LANG_SIZE)
		buf_addf(&page->out, " %.*s to %.*s.", STR_ARG(size_format(arena, key->min)),
			STR_ARG(size_format(arena, key->max)));
}

static void add_row(struct page *page, const struct lang_key *key)
{
	buf_addf(&page->out, "| `%s`%s | ", key->name, key->flags & KEY_REQUIRED ? " (required)" : "");
	add_kind(page, key);
	buf_addf(&page->out, "%s | %s", key->flags & KEY_TEMPLATE ? ", `${{ }}`" : "", key->help);
	if (key->kind == LANG_PAIRS && key->names) {
		buf_add_c(&page->out, " Kinds: ");
		add_names(page, key->names);
		buf_add_c(&page->out, ".");
	}
	add_range(page, key);
	buf_add_c(&page->out, page->other ? " |\n" : key->flags & KEY_LATER ? " | later |\n" : " | |\n");
}

static void add_section(struct page *page, const struct lang_block *block)
{
	buf_addf(&page->out, "### %s\n\n%s\n\n| key | value | meaning |%s\n| --- | --- | --- |%s\n", block->id,
		block->help, page->other ? "" : " runs |", page->other ? "" : " --- |");
	for (const struct lang_key *key = block->keys; key->name; key++)
		add_row(page, key);
	if (block->rest)
		add_row(page, block->rest);
	buf_add_c(&page->out, "\n");
}

static void add_roots(struct page *page, const char *title, const struct lang_root *roots, const char *after)
{
	buf_addf(&page->out, "### %s\n\n| name | meaning | fields |\n| --- | --- | --- |\n", title);
	for (; roots->name; roots++) {
		buf_addf(&page->out, "| `%s%s` | %s |", roots->name, after, roots->help);
		if (roots->fields) {
			buf_add_c(&page->out, " ");
			add_names(page, roots->fields);
		}
		buf_add_c(&page->out, " |\n");
	}
	buf_add_c(&page->out, "\n");
}

static char *finish(struct page *page)
{
	BUG_ON(page->out.is_full);
	arena_done(&page->arena);
	return buf_take(&page->out);
}

char *lang_reference_markdown(void)
{
	struct page page = {.out = BUF_INIT(REFERENCE_BYTES_MAX)};
	add_block(&page, &lang_pipeline_block);
	for (size_t i = 0; i < page.block_count; i++)
		add_section(&page, page.blocks[i]);
	add_roots(&page, "names in expressions", lang_roots, "");
	add_roots(&page, "functions in conditions", lang_functions, "()");
	return finish(&page);
}

char *configuration_reference_markdown(void)
{
	struct page page = {.out = BUF_INIT(REFERENCE_BYTES_MAX), .other = "language.md"};
	add_block(&page, &lang_configuration_block);
	for (size_t i = 0; i < page.block_count; i++)
		add_section(&page, page.blocks[i]);
	return finish(&page);
}
