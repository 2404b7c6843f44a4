#include "worker/policy/change.h"

struct reading {
	struct str rest;
	struct change_commit commit;
	struct change_file file;
	bool has_commit, has_file;
	const struct change_handler *handler;
	void *arg;
};

/* The bytes that a header announces, and the line feed behind them. */
static bool take(struct reading *reading, struct str length, struct str *ret)
{
	int64_t n;
	if (!str_to_i64(length, &n) || n < 0 || (uint64_t)n >= reading->rest.n || reading->rest.p[n] != '\n')
		return false;
	*ret = str_head(reading->rest, (size_t)n);
	reading->rest = str_skip(reading->rest, (size_t)n + 1);
	return true;
}

static bool take_commit(struct reading *reading, struct str id, struct str parents, struct str length)
{
	struct change_commit commit = {.id = id};
	if (!str_to_i64(parents, &commit.parents) || !take(reading, length, &commit.message))
		return false;
	reading->commit = commit;
	reading->has_commit = true;
	reading->has_file = false;
	if (reading->handler->commit)
		reading->handler->commit(reading->arg, &reading->commit);
	return true;
}

static bool take_file(struct reading *reading, struct str kind, struct str length)
{
	struct change_file file = {.is_whole = str_is(kind, "whole")};
	if (!reading->has_commit || (!file.is_whole && !str_is(kind, "text")) || !take(reading, length, &file.path))
		return false;
	reading->file = file;
	reading->has_file = true;
	if (reading->handler->file)
		reading->handler->file(reading->arg, &reading->commit, &reading->file);
	return true;
}

static bool take_lines(struct reading *reading, struct str first, struct str length)
{
	int64_t number;
	struct str lines;
	if (!reading->has_file || !str_to_i64(first, &number) || number < 1 || !take(reading, length, &lines))
		return false;
	if (reading->handler->lines)
		reading->handler->lines(reading->arg, &reading->commit, &reading->file, number, lines);
	return true;
}

static bool take_record(struct reading *reading, struct str header)
{
	struct str words[5] = {{0}};
	size_t count = 0;
	while (count < 5 && str_cut(&header, ' ', &words[count]))
		count++;
	if (str_is(words[0], "commit") && count == 4)
		return take_commit(reading, words[1], words[2], words[3]);
	if (str_is(words[0], "file") && count == 3)
		return take_file(reading, words[1], words[2]);
	return str_is(words[0], "lines") && count == 3 && take_lines(reading, words[1], words[2]);
}

bool change_read(struct str text, const struct change_handler *handler, void *arg, struct err *err)
{
	struct reading reading = {.rest = text, .handler = handler, .arg = arg};
	struct str header;
	while (str_cut(&reading.rest, '\n', &header)) {
		if (str_is(header, "end") && reading.rest.n == 0)
			return true;
		if (!take_record(&reading, header))
			return err_set(err, ERR_INVALID, "the change cannot be read at \"%.*s\"",
				STR_ARG(str_head(header, 80)));
	}
	return err_set(err, ERR_INVALID, "the change is cut short");
}
