// links: penstock_proto
// max_len: 8192
/*
 * What worker and coordinator say to each other. The first byte says which: a sync body of frames, or one of the JSON
 * messages. What is read and written again is the same message; a log frame keeps every byte; what is refused is
 * refused with a sentence.
 */
#include "common/buf.h"
#include "common/json.h"
#include "common/proto/worker_proto.h"
#include "tests/fuzz/fuzz.h"

enum { BODY_MAX = 4 << 20 };

static void check_frames(const struct log_frame *a, const struct log_frame *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		BUG_ON(a[i].job <= 0 || a[i].attempt <= 0 || a[i].offset < 0 || a[i].raw_bytes <= 0);
		BUG_ON(a[i].offset > INT64_MAX - a[i].raw_bytes);
		BUG_ON(a[i].job != b[i].job || a[i].attempt != b[i].attempt || a[i].offset != b[i].offset);
		BUG_ON(a[i].raw_bytes != b[i].raw_bytes || a[i].lines != b[i].lines || !str_eq(a[i].data, b[i].data));
	}
}

static void try_sync(struct str body)
{
	auto_arena arena = {0};
	auto_buf written = BUF_INIT(BODY_MAX);
	struct worker_sync sync, again;
	struct log_frame *logs, *logs_again;
	size_t count, count_again;
	struct err err = {0};
	if (!worker_body_read(body, &sync, &logs, &count, &arena, &err)) {
		BUG_ON(err.kind != ERR_INVALID || !str_is_utf8(str_of(err.text)));
		return;
	}
	if (!worker_frame_add_sync(&written, &sync, &err))
		BUG("%s", err.text);
	for (size_t i = 0; i < count; i++)
		BUG_ON(!worker_frame_add_log(&written, &logs[i]));
	if (!worker_body_read(buf_str(&written), &again, &logs_again, &count_again, &arena, &err))
		BUG("written anew: %s", err.text);
	BUG_ON(count != count_again);
	check_frames(logs, logs_again, count);
	json_auto_t *a = fields_write(worker_sync_fields, &sync), *b = fields_write(worker_sync_fields, &again);
	BUG_ON(!json_equal(a, b));
}

static void try_message(const struct field *fields, void *message, void *again, struct str text)
{
	auto_arena arena = {0};
	struct err err = {0};
	json_auto_t *json = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json || !fields_read_loose(fields, json, message, &arena, &err)) {
		BUG_ON(json && (err.kind != ERR_INVALID || !str_is_utf8(str_of(err.text))));
		return;
	}
	json_auto_t *written = fields_write(fields, message);
	if (!fields_read(fields, written, again, &arena, &err))
		BUG("written anew: %s", err.text);
	json_auto_t *twice = fields_write(fields, again);
	BUG_ON(!json_equal(written, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = fuzz_input(data, size);
	struct worker_register hello[2] = {0};
	struct worker_registered welcome[2] = {0};
	struct worker_answer answer[2] = {0};
	struct job_spec spec[2] = {0};
	int32_t protocol;
	switch (fuzz_byte(&rest) % 5) {
	case 0:
		try_sync(rest);
		break;
	case 1:
		try_message(worker_register_fields, &hello[0], &hello[1], rest);
		if (worker_protocol_agree(hello[0].protocol, hello[0].oldest_protocol, &protocol, NULL))
			BUG_ON(protocol > WORKER_PROTOCOL || protocol > hello[0].protocol);
		break;
	case 2:
		try_message(worker_registered_fields, &welcome[0], &welcome[1], rest);
		break;
	case 3:
		try_message(worker_answer_fields, &answer[0], &answer[1], rest);
		break;
	case 4:
		try_message(job_spec_fields, &spec[0], &spec[1], rest);
		break;
	}
	return 0;
}
