// links: penstock_logs penstock_worker
// max_len: 4096
/*
 * Logs on their way and at rest. The first byte says which: text that is spooled as frames and unpacked again, frames
 * from anywhere, a log's index, or a spool file that a killed worker left. What goes in comes out; what is damaged is
 * refused, and never gives more than it holds.
 */
#include "common/arena.h"
#include "common/buf.h"
#include "common/mem.h"
#include "server/logs/log_index.h"
#include "server/logs/log_reader.h"
#include "tests/fuzz/fuzz.h"
#include "worker/spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 8 << 20 };

/* --- frames --- */

static void try_unpack(struct str frames)
{
	auto_buf text = BUF_INIT(TEXT_MAX);
	struct err err = {0};
	if (!log_unpack(&text, frames, &err))
		BUG_ON(err.kind == ERR_NONE || err.text[0] == 0);
}

/* --- the index --- */

static void try_index(struct str text)
{
	auto_arena arena = {0};
	struct log_index index, again;
	struct err err = {0};
	json_auto_t *json = json_loadb(text.p ? text.p : "", text.n, 0, NULL);
	if (!log_index_read(json, &index, &arena, &err)) {
		BUG_ON(err.kind == ERR_NONE);
		return;
	}
	json_auto_t *written = log_index_json(&index);
	BUG_ON(!log_index_read(written, &again, &arena, &err) || again.count != index.count);
	for (size_t i = 0; i < index.count; i++) {
		const struct log_mark *mark = &index.marks[i];
		BUG_ON(memcmp(mark, &again.marks[i], sizeof *mark) != 0);
		size_t at = log_index_find_offset(&index, mark->offset);
		BUG_ON(at >= index.count - 1 || (at > 0 && index.marks[at].offset > mark->offset));
		at = log_index_find_line(&index, mark->lines);
		BUG_ON(at >= index.count - 1 || (at > 0 && index.marks[at].lines >= mark->lines));
	}
}

/* --- the spool --- */

/* One folder for all inputs; each leaves it empty. */
static const char *folder(void)
{
	static char path[] = "/tmp/penstock-fuzz-XXXXXX";
	static bool is_made;
	if (!is_made) {
		BUG_ON(!mkdtemp(path));
		is_made = true;
	}
	return path;
}

static void remove_folder(void)
{
	rmdir(folder());
}

static void clear_folder(void)
{
	static const char *const names[] = {"7-2.spool", "7-2.spool.bad", "tail-0", "tail-1"};
	char path[100];
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(path, sizeof path, "%s/%s", folder(), names[i]);
		unlink(path);
	}
}

/* Adds what the body holds to `text`. */
static void unpack_body(struct str body, struct buf *text)
{
	auto_arena arena = {0};
	auto_buf whole = BUF_INIT(TEXT_MAX);
	struct worker_sync sync = {.instance = STR("-")};
	struct log_frame *logs;
	size_t count;
	struct err err;
	BUG_ON(!worker_frame_add_sync(&whole, &sync, &err) || !buf_add_str(&whole, body));
	if (!worker_body_read(buf_str(&whole), &sync, &logs, &count, &arena, &err))
		BUG("%s", err.text);
	for (size_t i = 0; i < count; i++) {
		size_t before = text->n;
		if (!log_unpack(text, logs[i].data, &err))
			BUG("%s", err.text);
		BUG_ON(text->n - before != (size_t)logs[i].raw_bytes || logs[i].offset != (int64_t)before);
	}
}

/* A worker that is killed at some point, its successor, and what the two of them send. */
static void try_spool(struct str text, uint8_t seed)
{
	auto_arena arena = {0};
	auto_buf body = BUF_INIT(TEXT_MAX), sent = BUF_INIT(TEXT_MAX);
	struct spool_store *store;
	struct spool *spool, **spools;
	size_t count, bad, cut = text.n ? seed % (text.n + 1) : 0;
	bool any;
	struct err err = {0};
	BUG_ON(!spool_store_open(folder(), &store, &err));
	BUG_ON(!spool_open(store, (struct attempt_ref){7, 2}, &spool, &err));
	spool_add_log(spool, text);
	if (cut)
		BUG_ON(!spool_cut(spool, cut, &err));
	spool_close(spool);
	spool_store_close(store);

	BUG_ON(!spool_store_open(folder(), &store, &err));
	BUG_ON(!spool_recover(store, &spools, &count, &bad, &arena, &err));
	BUG_ON(count != 1 || bad || spools[0]->log_end != (int64_t)text.n);
	BUG_ON(!spool_send(spools[0], &body, TEXT_MAX, &any, &err) || any != (text.n > 0));
	unpack_body(buf_str(&body), &sent);
	BUG_ON(!str_eq(buf_str(&sent), text));
	BUG_ON(!spool_acknowledge(spools[0], (int64_t)text.n, &err) || spool_has_unsent(spools[0]));
	spool_remove(spools[0]);
	spool_store_close(store);
}

static void write_file(const char *name, struct str bytes)
{
	char path[100];
	snprintf(path, sizeof path, "%s/%s", folder(), name);
	auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	BUG_ON(fd < 0 || write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n);
}

/* Whatever lies there: what is recovered can be sent, told and acknowledged, or is said to be damaged. */
static void try_recover(struct str file, struct str tail)
{
	auto_arena arena = {0};
	auto_buf body = BUF_INIT(TEXT_MAX);
	struct spool_store *store;
	struct spool **spools;
	size_t count, bad;
	struct attempt_result result;
	bool any;
	struct err err = {0};
	write_file("7-2.spool", file);
	if (tail.n)
		write_file("tail-0", tail);
	BUG_ON(!spool_store_open(folder(), &store, &err));
	BUG_ON(!spool_recover(store, &spools, &count, &bad, &arena, &err) || count + bad > 1);
	for (size_t i = 0; i < count; i++) {
		BUG_ON(spools[i]->log_end < 0 || spools[i]->written > (int64_t)(file.n + TEXT_MAX));
		spool_read_result(spools[i], &result, &arena, &err);
		if (spool_send(spools[i], &body, TEXT_MAX, &any, &err))
			spool_acknowledge(spools[i], spools[i]->log_end, &err);
		spool_remove(spools[i]);
	}
	spool_store_close(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_told;
	if (!is_told)
		is_told = atexit(remove_folder) == 0;
	struct str rest = fuzz_input(data, size), tail;
	uint8_t choice = fuzz_byte(&rest), seed;
	switch (choice % 4) {
	case 0:
		try_unpack(rest);
		break;
	case 1:
		try_index(rest);
		break;
	case 2:
		seed = fuzz_byte(&rest);
		try_spool(rest, seed);
		break;
	case 3:
		seed = fuzz_byte(&rest);
		tail = str_skip(rest, rest.n - (seed < rest.n ? seed : rest.n));
		try_recover(str_head(rest, rest.n - tail.n), tail);
		break;
	}
	clear_folder();
	return 0;
}
