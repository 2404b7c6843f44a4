#include "cli/table.h"

#include "cli/print.h"
#include "common/digest.h"

#include <stdarg.h>
#include <stdio.h>

enum { CELL_MAX_BYTES = 64 << 10, GAP = 2 };

void table_init(struct table *table, struct cli *cli, const char *const *heads)
{
	*table = (struct table){.cli = cli, .arena = &cli->arena, .heads = heads};
	while (heads[table->columns])
		table->columns++;
}

static void add_cell(struct table *table, struct str text)
{
	table->cells = arena_grow(table->arena, table->cells, sizeof *table->cells, table->count);
	table->cells[table->count++] = text;
}

void table_add(struct table *table, const char *text)
{
	add_cell(table, arena_str(table->arena, str_of(text)));
}

void table_addf(struct table *table, const char *format, ...)
{
	auto_buf text = BUF_INIT(CELL_MAX_BYTES);
	va_list args;
	va_start(args, format);
	buf_vaddf(&text, format, args);
	va_end(args);
	add_cell(table, arena_str(table->arena, buf_str(&text)));
}

void table_add_version(struct table *table, const char *version)
{
	add_cell(table, digest_brief(str_of(*version ? arena_str(table->arena, str_of(version)).p : "-")));
}

void table_add_list(struct table *table, const json_t *texts)
{
	auto_buf line = BUF_INIT(TEXT_MAX);
	size_t i;
	json_t *text;
	json_array_foreach(texts, i, text) buf_addf(&line, "%s%s", line.n ? " " : "", json_string_value(text));
	add_cell(table, arena_str(table->arena, buf_str(&line)));
}

void table_add_state(struct table *table, const char *state)
{
	table_addf(table, "%s%s%s", print_colour(table->cli, state), state, print_plain(table->cli));
}

static size_t width_of(const struct table *table, size_t column)
{
	size_t width = print_width(str_of(table->heads[column]));
	for (size_t i = column; i < table->count; i += table->columns) {
		size_t cell = print_width(table->cells[i]);
		width = cell > width ? cell : width;
	}
	return width;
}

static void print_row(const struct table *table, const size_t *widths, const struct str *cells, size_t terminal)
{
	auto_buf row = BUF_INIT(TEXT_MAX), line = BUF_INIT(TEXT_MAX);
	for (size_t i = 0; i < table->columns; i++) {
		bool is_last = i + 1 == table->columns;
		buf_add_str(&row, cells[i]);
		if (!is_last)
			buf_addf(&row, "%*s", (int)(widths[i] - print_width(cells[i]) + GAP), "");
	}
	struct str text = buf_str(&row);
	while (text.n && text.p[text.n - 1] == ' ')
		text.n--;
	print_cut(&line, text, terminal);
	printf("%s\n", buf_c(&line));
}

void table_print(const struct table *table)
{
	size_t terminal, rows;
	size_t *widths = arena_array(table->arena, size_t, table->columns);
	struct str *head = arena_array(table->arena, struct str, table->columns);
	const char *bold = table->cli->has_color ? "\033[1m" : "";
	if (table->count == 0)
		return;
	print_terminal(&terminal, &rows);
	for (size_t i = 0; i < table->columns; i++) {
		widths[i] = width_of(table, i);
		head[i] = arena_printf(table->arena, "%s%s%s", bold, table->heads[i], print_plain(table->cli));
	}
	print_row(table, widths, head, terminal);
	for (size_t i = 0; i + table->columns <= table->count; i += table->columns)
		print_row(table, widths, &table->cells[i], terminal);
}
