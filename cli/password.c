#include "cli/password.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static bool read_line(char *to, size_t size)
{
	if (!fgets(to, (int)size, stdin))
		return false;
	to[strcspn(to, "\n")] = 0;
	return true;
}

bool password_read(const char *prompt, char to[static PASSWORD_MAX_BYTES], struct err *err)
{
	struct termios before;
	bool is_person = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
	if (is_person) {
		struct termios silent = before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
		fputs(prompt, stderr);
	}
	bool ok = read_line(to, PASSWORD_MAX_BYTES);
	if (is_person) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	return ok || err_set(err, ERR_INVALID, "the password is read from standard input, one line");
}

bool password_read_new(const char *prompt, char to[static PASSWORD_MAX_BYTES], struct err *err)
{
	char again[PASSWORD_MAX_BYTES];
	if (!password_read(prompt, to, err))
		return false;
	if (!isatty(STDIN_FILENO))
		return true;
	bool ok =
		password_read("Once more: ", again, err) &&
		(strcmp(to, again) == 0 || err_set(err, ERR_INVALID, "the two are not the same; nothing was changed"));
	explicit_bzero(again, sizeof again);
	return ok;
}
