#include "cli/help.h"

#include <string.h>

/* The words that may stand behind `penstock`, or behind its group; each once. */
static void add_words(struct buf *to, const char *group)
{
	size_t n = strlen(group);
	struct str last = {0};
	for (const struct cli_command *command = cli_commands; command->name; command++) {
		bool is_in = n ? strncmp(command->name, group, n) == 0 && command->name[n] == ' ' : true;
		struct str rest = str_of(command->name + (is_in && n ? n + 1 : 0)), word;
		if (!is_in || !str_cut(&rest, ' ', &word) || str_eq(word, last))
			continue;
		buf_addf(to, "%s%.*s", last.n ? " " : "", STR_ARG(word));
		last = word;
	}
}

static void add_flags(struct buf *to, const struct cli_flag *flags)
{
	for (; flags && flags->name; flags++)
		buf_addf(to, "--%s ", flags->name);
}

/* "repo" once, where "repo add" begins its commands; "" where the row has no group or is not its first. */
static struct str group_of(const struct cli_command *command)
{
	size_t n;
	if (!str_find_char(str_of(command->name), ' ', &n))
		return (struct str){0};
	bool is_first = command == cli_commands || strncmp(command[-1].name, command->name, n + 1) != 0;
	return is_first ? (struct str){command->name, n} : (struct str){0};
}

/* zsh reads bash's functions by way of bashcompinit, so there is one of them. */
static void add_bash(struct buf *to)
{
	auto_arena arena = {0};
	buf_add_c(to,
		"_penstock() {\n\tlocal current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n"
		"\tcase \"$before\" in\n");
	for (const struct cli_command *command = cli_commands; command->name; command++)
		for (const struct cli_flag *flag = command->flags; flag && flag->name; flag++)
			if (flag->choices)
				buf_addf(to, "\t--%s) COMPREPLY=($(compgen -W '%s' -- \"$current\")); return ;;\n",
					flag->name, flag->choices);
	buf_add_c(to, "\tesac\n\tcase \"$COMP_CWORD ${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n\t'1 '*) words='");
	add_words(to, "");
	buf_add_c(to, "' ;;\n");
	for (const struct cli_command *command = cli_commands; command->name; command++) {
		struct str group = group_of(command);
		if (!group.n)
			continue;
		buf_addf(to, "\t'2 %.*s '*) words='", STR_ARG(group));
		add_words(to, arena_str(&arena, group).p);
		buf_add_c(to, "' ;;\n");
	}
	for (const struct cli_command *command = cli_commands; command->name; command++) {
		bool has_group = strchr(command->name, ' ') != NULL;
		buf_addf(to, "\t*' %s'%s) words='", command->name, has_group ? "" : "\\ *");
		add_flags(to, command->flags);
		add_flags(to, cli_common_flags);
		buf_add_c(to, "' ;;\n");
	}
	buf_add_c(to,
		"\tesac\n\tcase \"$current\" in\n\t-* | ?*) ;;\n\t*) [ \"$COMP_CWORD\" -le 2 ] || return 0 ;;\n\tesac\n"
		"\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\n"
		"complete -o default -F _penstock penstock\n");
}

static void add_fish_text(struct buf *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_add_char(to, '\\');
		buf_add_char(to, *text);
	}
}

static void add_fish_flags(struct buf *to, const char *condition, const struct cli_flag *flags)
{
	for (; flags && flags->name; flags++) {
		buf_addf(to, "complete -c penstock %s -l %s", condition, flags->name);
		if (flags->choices)
			buf_addf(to, " -x -a '%s'", flags->choices);
		else if (flags->value)
			buf_add_c(to, " -r");
		buf_add_c(to, " -d '");
		add_fish_text(to, flags->help);
		buf_add_c(to, "'\n");
	}
}

static void add_fish(struct buf *to)
{
	auto_arena arena = {0};
	for (const struct cli_command *command = cli_commands; command->name; command++) {
		const char *space = strchr(command->name, ' ');
		struct str first =
			space ? (struct str){command->name, (size_t)(space - command->name)} : str_of(command->name);
		const char *word = arena_str(&arena, first).p;
		if (!space || group_of(command).n) {
			buf_addf(to, "complete -c penstock -n __fish_use_subcommand -f -a %s -d '", word);
			add_fish_text(to, space ? "" : command->help);
			buf_add_c(to, "'\n");
		}
		if (space) {
			buf_addf(to, "complete -c penstock -n '__fish_seen_subcommand_from %s' -f -a %s -d '", word,
				space + 1);
			add_fish_text(to, command->help);
			buf_add_c(to, "'\n");
		}
		add_fish_flags(to,
			arena_printf(&arena, "-n '__fish_seen_subcommand_from %s%s%s'", word,
				space ? "; and __fish_seen_subcommand_from " : "", space ? space + 1 : "")
				.p,
			command->flags);
	}
	add_fish_flags(to, "", cli_common_flags);
}

bool help_completion(const char *shell, struct buf *to, struct err *err)
{
	if (strcmp(shell, "bash") == 0) {
		add_bash(to);
	} else if (strcmp(shell, "zsh") == 0) {
		buf_add_c(to, "#compdef penstock\nautoload -U +X bashcompinit && bashcompinit\n");
		add_bash(to);
	} else if (strcmp(shell, "fish") == 0) {
		add_fish(to);
	} else {
		return err_set(err, ERR_INVALID, "no completion for \"%s\": there is bash, zsh and fish", shell);
	}
	return true;
}
