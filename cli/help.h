#ifndef CLI_HELP_H
#define CLI_HELP_H

/* Help, shell completion and docs/cli.md, all printed from the table of commands. */

#include "cli/cli.h"

void help_overview(struct buf *to, bool has_color);
void help_command(const struct cli_command *command, struct buf *to);
/* The commands that begin with this word. */
void help_group(const char *word, struct buf *to);
void help_markdown(struct buf *to);
/* shell: "bash", "zsh" or "fish". */
bool help_completion(const char *shell, struct buf *to, struct err *err);

#endif
