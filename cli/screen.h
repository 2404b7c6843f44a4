#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

/*
 * A block of lines at the end of the terminal, drawn over itself each time it changes. Lines are cut to the width of
 * the terminal, since one that wraps would be counted wrong. What was drawn last stays when the program ends.
 */

#include "common/str.h"

#include <stddef.h>

struct screen {
	size_t lines; /* drawn so far; zeroed: none */
};

/* The lines that fit. */
size_t screen_rows(void);
void screen_draw(struct screen *screen, struct str text);
/* Takes the block away, so that other text may follow. */
void screen_clear(struct screen *screen);

#endif
