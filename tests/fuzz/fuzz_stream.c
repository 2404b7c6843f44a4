// links: penstock_sandbox_stream
// max_len: 8192
/*
 * The framed stream in which artifacts leave a job and enter one. The input is a byte that says how the stream is cut
 * into pieces, then the stream. In pieces or at once the handler is told the same; never a path that leads out, a byte
 * or an entry above the ceilings, or content that no file has; what is read and written again is the same stream.
 */
#include "common/buf.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"
#include "worker/sandbox/stream.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_ENTRIES = 50, MAX_BYTES = 4000, TOLD_MAX = 1 << 20 };

/* What the handler was told, as one text; written again on the way. */
struct told {
	struct buf text;
	struct stream_writer *writer; /* NULL: none */
	uint64_t owed, bytes, entries;
	bool is_in_file;
};

static void check_path(struct str path)
{
	BUG_ON(!stream_path_is_clean(path) || path.p[path.n] != 0 || path.p[0] == '/');
	size_t at;
	auto_buf framed = BUF_INIT(STREAM_MAX_PATH + 3);
	buf_add_char(&framed, '/');
	buf_add_str(&framed, path);
	buf_add_char(&framed, '/');
	struct str text = buf_str(&framed);
	BUG_ON(str_find(text, STR("/../"), &at) || str_find(text, STR("/./"), &at) || str_find(text, STR("//"), &at));
	BUG_ON(str_find_char(path, 0, &at));
}

static void write_again(struct stream_writer *writer, const struct stream_entry *entry)
{
	struct err err;
	bool is_written = false;
	switch (entry->kind) {
	case STREAM_FILE:
		is_written = stream_write_file(writer, entry->path, entry->mode, entry->size, &err);
		break;
	case STREAM_DIR:
		is_written = stream_write_dir(writer, entry->path, &err);
		break;
	case STREAM_LINK:
		is_written = stream_write_link(writer, entry->path, entry->text, &err);
		break;
	case STREAM_NOTE:
		is_written = stream_write_note(writer, entry->path, entry->text.p, &err);
		break;
	case STREAM_END:
		BUG("the handler is not told of the end");
	}
	if (!is_written)
		BUG("written again: %s", err.text);
}

static bool begin(void *context, const struct stream_entry *entry, struct err *err)
{
	(void)err;
	struct told *told = context;
	BUG_ON(told->is_in_file || told->owed || ++told->entries > MAX_ENTRIES);
	if (entry->kind != STREAM_NOTE)
		check_path(entry->path);
	BUG_ON(entry->text.n > STREAM_MAX_TEXT || entry->text.p[entry->text.n] != 0);
	BUG_ON(entry->kind == STREAM_LINK && (entry->text.n == 0 || strlen(entry->text.p) != entry->text.n));
	told->is_in_file = entry->kind == STREAM_FILE;
	told->owed = told->is_in_file ? entry->size : 0;
	/* Modes but those of files say nothing, and notes are text up to a zero byte. */
	buf_addf(&told->text, "%d %o %llu ", (int)entry->kind, told->is_in_file ? entry->mode : 0,
		(unsigned long long)told->owed);
	buf_add_str(&told->text, entry->path);
	buf_add_char(&told->text, ' ');
	buf_add_c(&told->text, entry->text.p);
	buf_add_char(&told->text, '\n');
	if (told->writer)
		write_again(told->writer, entry);
	return true;
}

static bool data(void *context, struct str piece, struct err *err)
{
	struct told *told = context;
	BUG_ON(!told->is_in_file || piece.n == 0 || piece.n > told->owed);
	told->owed -= piece.n;
	told->bytes += piece.n;
	BUG_ON(told->bytes > MAX_BYTES);
	buf_add_str(&told->text, piece);
	return !told->writer || stream_write_data(told->writer, piece, err);
}

static bool end(void *context, struct err *err)
{
	(void)err;
	struct told *told = context;
	BUG_ON(!told->is_in_file || told->owed);
	told->is_in_file = false;
	return true;
}

static const struct stream_handler handler = {begin, data, end};

/* seed 0: at once. */
static bool read_stream(struct str bytes, uint32_t seed, struct told *told)
{
	struct stream_reader reader;
	struct err err = {0};
	stream_reader_init(&reader, &handler, told, MAX_ENTRIES, MAX_BYTES);
	bool is_good = true;
	do {
		seed = seed * 1664525 + (seed ? 1013904223 : 0);
		struct str piece = str_head(bytes, seed ? 1 + (seed >> 24) % 29 : bytes.n);
		bytes = str_skip(bytes, piece.n);
		is_good = stream_reader_feed(&reader, piece, &err);
	} while (is_good && bytes.n);
	is_good = is_good && stream_reader_finish(&reader, &err);
	BUG_ON(!is_good && (err.kind == ERR_NONE || err.text[0] == 0));
	stream_reader_done(&reader);
	return is_good;
}

static bool read_and_write(struct str bytes, struct told *told, struct buf *written)
{
	struct stream_writer writer;
	struct err err;
	auto_fd int fd = memfd_create("stream", MFD_CLOEXEC);
	BUG_ON(fd < 0);
	stream_writer_init(&writer, fd);
	told->writer = &writer;
	bool is_good = read_stream(bytes, 0, told);
	if (is_good) {
		BUG_ON(!stream_write_end(&writer, &err));
		off_t size = lseek(fd, 0, SEEK_END);
		char *to = size > 0 ? buf_reserve(written, (size_t)size) : NULL;
		BUG_ON(!to || pread(fd, to, (size_t)size, 0) != size);
		written->n = (size_t)size;
	}
	stream_writer_done(&writer);
	told->writer = NULL;
	return is_good;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct str rest = fuzz_input(input, size);
	uint32_t seed = 1u + fuzz_byte(&rest);
	struct told whole = {.text = BUF_INIT(TOLD_MAX)}, pieces = whole, again = whole;
	auto_buf written = BUF_INIT(TOLD_MAX);
	bool is_good = read_and_write(rest, &whole, &written);
	BUG_ON(read_stream(rest, seed, &pieces) != is_good);
	BUG_ON(!str_eq(buf_str(&whole.text), buf_str(&pieces.text)));
	if (is_good) {
		BUG_ON(!read_stream(buf_str(&written), seed, &again));
		BUG_ON(!str_eq(buf_str(&whole.text), buf_str(&again.text)));
	}
	buf_done(&whole.text);
	buf_done(&pieces.text);
	buf_done(&again.text);
	return 0;
}
