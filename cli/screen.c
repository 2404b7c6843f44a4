#include "cli/screen.h"

#include "cli/print.h"

#include <stdio.h>

enum { ROWS_USUAL = 24, ROWS_MIN = 5 };

size_t screen_rows(void)
{
	size_t columns, rows;
	print_terminal(&columns, &rows);
	rows = rows ? rows : ROWS_USUAL;
	/* The cursor stands below the block. */
	return rows > ROWS_MIN ? rows - 1 : ROWS_MIN;
}

static void begin(const struct screen *screen, struct buf *to)
{
	if (screen->lines)
		buf_addf(to, "\033[%zuA", screen->lines);
	buf_add_c(to, "\r");
}

/* In one write, so that nobody sees half of it. Each line clears what stood behind it, and the last what stood below.
 */
void screen_draw(struct screen *screen, struct str text)
{
	auto_buf all = BUF_INIT(TEXT_MAX);
	struct str line;
	size_t columns, rows, lines = 0;
	print_terminal(&columns, &rows);
	begin(screen, &all);
	for (; str_cut(&text, '\n', &line); lines++) {
		print_cut(&all, line, columns);
		buf_add_c(&all, "\033[K\n");
	}
	buf_add_c(&all, "\033[J");
	fwrite(all.p, 1, all.n, stdout);
	fflush(stdout);
	screen->lines = lines;
}

void screen_clear(struct screen *screen)
{
	auto_buf all = BUF_INIT(TEXT_MAX);
	begin(screen, &all);
	buf_add_c(&all, "\033[J");
	fwrite(all.p, 1, all.n, stdout);
	fflush(stdout);
	screen->lines = 0;
}
