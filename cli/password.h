#ifndef CLI_PASSWORD_H
#define CLI_PASSWORD_H

/* Passwords that commands ask for. Whoever has one wipes it when it is of no more use. */

#include "common/err.h"

enum { PASSWORD_MAX_BYTES = 1024 };

/* One line of standard input; a person is asked for it with the prompt, and sees nothing of what is typed. */
bool password_read(const char *prompt, char to[static PASSWORD_MAX_BYTES], struct err *err);
/* One that nobody could check: a person types it twice. */
bool password_read_new(const char *prompt, char to[static PASSWORD_MAX_BYTES], struct err *err);

#endif
