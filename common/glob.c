#include "common/glob.h"

#include <string.h>

/*
 * A pattern is compiled to a small program, and all its possible positions move through the text together (Thompson's
 * construction). The program lives on the stack: its size follows from GLOB_BYTES_MAX.
 */

enum op {
	OP_CHAR,  /* this character */
	OP_ANY,   /* one character, no '/' */
	OP_CLASS, /* one character of the class that begins at `at`, no '/' */
	OP_STAR,  /* any number of characters, no '/' */
	OP_DEEP,  /* any number of characters */
	OP_SPLIT, /* go on at the next instruction and at `at` */
	OP_JUMP,  /* go on at `at` */
	OP_MATCH,
};

struct instruction {
	enum op op;
	uint32_t c;
	size_t at;
};

/* The costliest byte of a pattern is the comma of a choice: a jump and a split. */
enum { PROGRAM_MAX = 2 * GLOB_BYTES_MAX + 2, CHOICE_DEPTH_MAX = 8 };

struct program {
	struct str pattern;
	size_t at; /* how far the pattern has been read */
	struct instruction code[PROGRAM_MAX];
	size_t count;
	int depth;
	struct err *err;
};

static size_t emit(struct program *program, enum op op, uint32_t c, size_t at)
{
	BUG_ON(program->count == PROGRAM_MAX);
	program->code[program->count] = (struct instruction){op, c, at};
	return program->count++;
}

/* As strchr(), which finds a zero byte in every text. */
static bool is_any_of(char c, const char *all)
{
	return c && strchr(all, c);
}

static bool has_char(const struct program *program, size_t at, char c)
{
	return at < program->pattern.n && program->pattern.p[at] == c;
}

static uint32_t next_char(struct program *program)
{
	struct str rest = str_skip(program->pattern, program->at);
	uint32_t c = str_next_char(&rest);
	program->at = program->pattern.n - rest.n;
	return c;
}

/* One character of a class, from the text after its '['; `\` takes the next one as it is. */
static uint32_t class_char(struct str *rest)
{
	uint32_t c = str_next_char(rest);
	return c == '\\' && rest->n ? str_next_char(rest) : c;
}

static bool is_negated(struct str class)
{
	return class.n && (class.p[0] == '!' || class.p[0] == '^');
}

static bool class_has(struct str class, uint32_t c)
{
	bool negated = is_negated(class), found = false;
	if (negated)
		class = str_skip(class, 1);
	while (class.p[0] != ']') {
		uint32_t low = class_char(&class), high = low;
		if (class.p[0] == '-' && class.p[1] != ']') {
			class = str_skip(class, 1);
			high = class_char(&class);
		}
		if (c >= low && c <= high)
			found = true;
	}
	return found != negated;
}

/* Checks the class at program->at (after '['), so that class_has() may trust it, and steps behind its ']'. */
static bool compile_class(struct program *program)
{
	size_t begin = program->at, items = 0;
	struct str rest = str_skip(program->pattern, begin);
	if (is_negated(rest))
		rest = str_skip(rest, 1);
	for (; rest.n && rest.p[0] != ']'; items++) {
		uint32_t low = class_char(&rest);
		if (rest.n < 2 || rest.p[0] != '-' || rest.p[1] == ']')
			continue;
		rest = str_skip(rest, 1);
		if (class_char(&rest) < low)
			return err_set(program->err, ERR_INVALID, "glob \"%.*s\": a class runs backwards; write [a-z]",
				STR_ARG(program->pattern));
	}
	if (rest.n == 0)
		return err_set(program->err, ERR_INVALID,
			"glob \"%.*s\": \"[\" is never closed; write \\[ for a plain one", STR_ARG(program->pattern));
	if (items == 0)
		return err_set(program->err, ERR_INVALID, "glob \"%.*s\": an empty class matches nothing",
			STR_ARG(program->pattern));
	program->at = program->pattern.n - rest.n + 1;
	emit(program, OP_CLASS, 0, begin);
	return true;
}

static bool compile_until(struct program *program, const char *ends, bool is_part_start);

/* After '{'. Each choice but the last is: split to the next choice; the choice; jump behind the last. */
static bool compile_choice(struct program *program, bool is_part_start)
{
	size_t jumps = SIZE_MAX; /* chained through `at` until the end is known */
	if (++program->depth > CHOICE_DEPTH_MAX)
		return err_set(program->err, ERR_INVALID, "glob \"%.*s\": choices nest more than %d deep",
			STR_ARG(program->pattern), CHOICE_DEPTH_MAX);
	for (;;) {
		size_t split = emit(program, OP_SPLIT, 0, 0);
		if (!compile_until(program, ",}", is_part_start))
			return false;
		if (program->at == program->pattern.n)
			return err_set(program->err, ERR_INVALID,
				"glob \"%.*s\": \"{\" is never closed; write \\{ for a plain one",
				STR_ARG(program->pattern));
		if (program->pattern.p[program->at++] == '}') {
			program->code[split].at = split + 1;
			break;
		}
		jumps = emit(program, OP_JUMP, 0, jumps);
		program->code[split].at = program->count;
	}
	while (jumps != SIZE_MAX) {
		size_t next = program->code[jumps].at;
		program->code[jumps].at = program->count;
		jumps = next;
	}
	program->depth--;
	return true;
}

/* At the second star. "**" as a whole part, with a '/' behind it, may also stand for nothing. */
static void compile_deep(struct program *program, bool is_part_start)
{
	while (has_char(program, program->at, '*'))
		program->at++;
	bool is_optional = is_part_start && has_char(program, program->at, '/');
	size_t split = is_optional ? emit(program, OP_SPLIT, 0, 0) : 0;
	emit(program, OP_DEEP, 0, 0);
	if (!is_optional)
		return;
	program->at++;
	emit(program, OP_CHAR, '/', 0);
	program->code[split].at = program->count;
}

static bool compile_until(struct program *program, const char *ends, bool is_part_start)
{
	while (program->at < program->pattern.n && !is_any_of(program->pattern.p[program->at], ends)) {
		uint32_t c = next_char(program);
		bool is_deep = c == '*' && has_char(program, program->at, '*');
		if (is_deep) {
			compile_deep(program, is_part_start);
			is_part_start = has_char(program, program->at - 1, '/');
			continue;
		}
		if (c == '[' && !compile_class(program))
			return false;
		if (c == '{' && !compile_choice(program, is_part_start))
			return false;
		if (c == '\\' && program->at == program->pattern.n)
			return err_set(program->err, ERR_INVALID, "glob \"%.*s\": nothing stands after the last \"\\\"",
				STR_ARG(program->pattern));
		if (c == '\\')
			emit(program, OP_CHAR, next_char(program), 0);
		else if (c == '*' || c == '?')
			emit(program, c == '*' ? OP_STAR : OP_ANY, 0, 0);
		else if (c != '[' && c != '{')
			emit(program, OP_CHAR, c, 0);
		is_part_start = c == '/';
	}
	return true;
}

static bool compile(struct program *program, struct str pattern, struct err *err)
{
	program->pattern = pattern;
	program->at = program->count = 0;
	program->depth = 0;
	program->err = err;
	if (pattern.n == 0)
		return err_set(err, ERR_INVALID, "an empty glob matches nothing; write \"**\" for everything");
	if (pattern.n > GLOB_BYTES_MAX)
		return err_set(
			err, ERR_INVALID, "glob \"%.40s...\" is longer than %d bytes", pattern.p, GLOB_BYTES_MAX);
	if (!compile_until(program, "", true))
		return false;
	emit(program, OP_MATCH, 0, 0);
	return true;
}

bool glob_check(struct str pattern, struct err *err)
{
	struct program program;
	size_t at;
	if (str_starts(pattern, STR("!")))
		pattern = str_skip(pattern, 1);
	if (!compile(&program, pattern, err))
		return false;
	if (pattern.p[0] == '/')
		return err_set(err, ERR_INVALID, "glob \"%.*s\" never matches: paths and names do not begin with \"/\"",
			STR_ARG(pattern));
	if (str_starts(pattern, STR("./")))
		return err_set(err, ERR_INVALID, "glob \"%.*s\" never matches: leave out the \"./\"", STR_ARG(pattern));
	if (str_ends(pattern, STR("/")))
		return err_set(err, ERR_INVALID,
			"glob \"%.*s\" never matches: write \"%.*s**\" for everything below it", STR_ARG(pattern),
			STR_ARG(pattern));
	if (str_find(pattern, STR("//"), &at))
		return err_set(err, ERR_INVALID, "glob \"%.*s\" never matches: it holds \"//\"", STR_ARG(pattern));
	return true;
}

/* The positions that the program can be in; `order` lists them, `is_in` keeps them apart. */
struct positions {
	size_t order[PROGRAM_MAX];
	size_t count;
	bool is_in[PROGRAM_MAX];
};

static void clear(struct positions *positions)
{
	for (size_t i = 0; i < positions->count; i++)
		positions->is_in[positions->order[i]] = false;
	positions->count = 0;
}

static void add(struct positions *positions, size_t at)
{
	if (positions->is_in[at])
		return;
	positions->is_in[at] = true;
	positions->order[positions->count++] = at;
}

/* Follows what takes no character. New positions are added behind, so one pass sees them all. */
static void close_over(const struct program *program, struct positions *positions)
{
	for (size_t i = 0; i < positions->count; i++) {
		size_t at = positions->order[i];
		const struct instruction *instruction = &program->code[at];
		switch (instruction->op) {
		case OP_STAR:
		case OP_DEEP:
			add(positions, at + 1);
			break;
		case OP_SPLIT:
			add(positions, at + 1);
			add(positions, instruction->at);
			break;
		case OP_JUMP:
			add(positions, instruction->at);
			break;
		case OP_CHAR:
		case OP_ANY:
		case OP_CLASS:
		case OP_MATCH:
			break;
		}
	}
}

static void step(const struct program *program, size_t at, uint32_t c, struct positions *next)
{
	const struct instruction *instruction = &program->code[at];
	switch (instruction->op) {
	case OP_CHAR:
		if (c == instruction->c)
			add(next, at + 1);
		break;
	case OP_ANY:
		if (c != '/')
			add(next, at + 1);
		break;
	case OP_CLASS:
		if (c != '/' && class_has(str_skip(program->pattern, instruction->at), c))
			add(next, at + 1);
		break;
	case OP_STAR:
		if (c != '/')
			add(next, at);
		break;
	case OP_DEEP:
		add(next, at);
		break;
	case OP_SPLIT:
	case OP_JUMP:
	case OP_MATCH:
		break;
	}
}

/* Most patterns and texts part ways before the first special character: those need no program. */
static bool differs_early(struct str pattern, struct str text)
{
	for (size_t i = 0; i < pattern.n && !is_any_of(pattern.p[i], "*?[{\\"); i++)
		if (i == text.n || text.p[i] != pattern.p[i])
			return true;
	return false;
}

bool glob_match(struct str pattern, struct str text)
{
	struct program program;
	if (differs_early(pattern, text) || !compile(&program, pattern, NULL))
		return false;
	struct positions sets[2], *now = &sets[0], *next = &sets[1];
	for (size_t i = 0; i < 2; i++) { /* only as far as this program goes: it is short, and this is a hot path */
		sets[i].count = 0;
		memset(sets[i].is_in, 0, program.count * sizeof sets[i].is_in[0]);
	}
	add(now, 0);
	close_over(&program, now);
	while (text.n && now->count) {
		uint32_t c = str_next_char(&text);
		clear(next);
		for (size_t i = 0; i < now->count; i++)
			step(&program, now->order[i], c, next);
		close_over(&program, next);
		struct positions *swap = now;
		now = next;
		next = swap;
	}
	return text.n == 0 && now->is_in[program.count - 1];
}

bool glob_list_match(const struct str_list *patterns, struct str text)
{
	bool has_positive = false;
	for (size_t i = 0; i < patterns->count; i++)
		if (!str_starts(patterns->items[i], STR("!")))
			has_positive = true;
	bool is_match = patterns->count && !has_positive;
	for (size_t i = 0; i < patterns->count; i++) {
		struct str pattern = patterns->items[i];
		bool takes_out = str_starts(pattern, STR("!"));
		/* Only a match that would change the answer needs a look. */
		if (is_match == takes_out && glob_match(takes_out ? str_skip(pattern, 1) : pattern, text))
			is_match = !takes_out;
	}
	return is_match;
}
