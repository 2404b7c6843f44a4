#include "worker/hint.h"

#include "common/mem.h"

#include <ctype.h>

enum { ANY = -1, NOT_FOUND = 127, NOT_EXECUTABLE = 126, SYNTAX = 2 };

static const char no_root[] =
	"steps are not root: what they need is installed on the worker's machine, or into the workspace";
static const char no_container[] =
	"steps reach no container engine: its socket would make them root on the worker's machine";
static const char no_network[] = "the job has no network; `network: egress` gives it one";
static const char no_bash[] = "steps run in sh; `shell: bash` gives them bash";

/* A command that is in vain here, however it is called. */
static const struct {
	const char *command;
	const char *text;
	bool needs_network;
	int exit_code;
} commands[] = {
	{"sudo", no_root, false, ANY},
	{"apt-get", no_root, false, ANY},
	{"apt install", no_root, false, ANY},
	{"apt update", no_root, false, ANY},
	{"docker", no_container, false, ANY},
	{"podman", no_container, false, ANY},
	{"curl", no_network, true, 6}, /* a name that could not be resolved */
	{"curl", no_network, true, 7},
	{"wget", no_network, true, 4},
	{"pip install", no_network, true, ANY},
	{"pip3 install", no_network, true, ANY},
	{"npm ci", no_network, true, ANY},
	{"npm install", no_network, true, ANY},
	{"git clone", no_network, true, 128},
	{"git fetch", no_network, true, 128},
	{"go mod download", no_network, true, ANY},
};

static bool is_within_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || c == '/';
}

/* Whether the words stand in the script as words of their own: "sudo", but neither "pseudo" nor "sudoers". */
static bool says(struct str script, struct str words)
{
	size_t at;
	for (struct str rest = script; str_find(rest, words, &at); rest = str_skip(rest, at + words.n)) {
		struct str behind = str_skip(rest, at + words.n);
		bool begins = rest.p + at == script.p || !is_within_word(rest.p[at - 1]);
		if (begins && (behind.n == 0 || !is_within_word(behind.p[0])))
			return true;
	}
	return false;
}

static bool wants_bash(struct str script)
{
	static const char *const signs[] = {"=(", "[[ ", "<(", "<<<", "declare -", "pipefail"};
	size_t at;
	for (size_t i = 0; i < COUNT_OF(signs); i++)
		if (str_find(script, str_of(signs[i]), &at))
			return true;
	return false;
}

const char *hint_for(struct str script, struct str shell, bool has_network, int exit_code)
{
	bool is_sh = shell.n == 0 || str_is(shell, "sh");
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if ((commands[i].exit_code == ANY || commands[i].exit_code == exit_code) &&
			!(commands[i].needs_network && has_network) && says(script, str_of(commands[i].command)))
			return commands[i].text;
	if (is_sh && (exit_code == SYNTAX || exit_code == NOT_FOUND) && wants_bash(script))
		return no_bash;
	if (exit_code == NOT_FOUND)
		return "it names a program that is not there: steps see the worker's /usr, and the workspace";
	if (exit_code == NOT_EXECUTABLE)
		return "it names a file that may not be executed: git update-index --chmod=+x sets its mode";
	return NULL;
}
