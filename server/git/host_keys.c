#include "server/git/host_keys.h"

#include "common/digest.h"
#include "common/hex.h"
#include "common/io/proc.h"
#include "common/mem.h"

#include <stdlib.h>

enum { KEYS_MAX = 100, OUTPUT_BYTES = 64 * 1024, SCAN_MS = 20000 };

/* "HOSTS TYPE BASE64 [COMMENT]", with a "@marker" before it perhaps. */
static bool read_line(struct str line, struct str *ret_type, struct str *ret_key, struct arena *arena)
{
	struct str parts[4] = {{0}}, part;
	size_t n = 0;
	while (n < 4 && str_cut(&line, ' ', &part))
		if (part.n)
			parts[n++] = part;
	size_t first = n && str_starts(parts[0], STR("@")) ? 1 : 0;
	if (n < first + 3)
		return false;
	*ret_type = parts[first + 1];
	return base64_decode(arena, parts[first + 2], ret_key) && ret_key->n > 0;
}

static struct str fingerprint(struct str type, struct str key, struct arena *arena)
{
	uint8_t digest[DIGEST_BYTES];
	digest_of(key, digest);
	struct str text = base64_encode(arena, (struct str){(const char *)digest, sizeof digest});
	while (text.n && text.p[text.n - 1] == '=')
		text.n--;
	return arena_printf(arena, "%.*s SHA256:%.*s", STR_ARG(type), STR_ARG(text));
}

bool host_keys_read(struct str known_hosts, struct str_list *ret, struct arena *arena, struct err *err)
{
	struct str_list list = {.items = arena_array(arena, struct str, KEYS_MAX)};
	struct str rest = known_hosts, line, type, key;
	for (int number = 1; str_cut(&rest, '\n', &line); number++) {
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (list.count == KEYS_MAX || !read_line(line, &type, &key, arena))
			return err_set(err, ERR_INVALID, "line %d of the known hosts is no host key (at most %d)",
				number, KEYS_MAX);
		list.items[list.count++] = fingerprint(type, key, arena);
	}
	if (list.count == 0)
		return err_set(err, ERR_INVALID, "the known hosts hold no host key");
	*ret = list;
	return true;
}

struct scan {
	char *host, *port;
	void (*done)(void *arg, struct str known_hosts, const struct err *err);
	void *arg;
};

static void end_scan(struct scan *scan, struct str known_hosts, const struct err *err)
{
	scan->done(scan->arg, known_hosts, err);
	free(scan->host);
	free(scan->port);
	free(scan);
}

static void scanned(void *arg, const struct proc_result *result)
{
	struct scan *scan = arg;
	struct err err = {0};
	if (str_trim(result->output).n == 0)
		err_set(&err, ERR_UPSTREAM,
			"ssh-keyscan: %s port %s shows no host key; give its keys with --known-hosts", scan->host,
			scan->port);
	end_scan(scan, result->output, err.kind == ERR_NONE ? NULL : &err);
}

void host_keys_scan(struct uv_loop_s *loop, const struct git_address *address,
	void (*done)(void *arg, struct str known_hosts, const struct err *err), void *arg)
{
	struct scan *scan = mem_alloc(sizeof *scan);
	struct str port = address->port.n ? address->port : STR("22"), host = address->name;
	if (str_starts(host, STR("[")))
		host = (struct str){host.p + 1, host.n - 2};
	*scan = (struct scan){mem_dup(host.p, host.n), mem_dup(port.p, port.n), done, arg};
	const char *argv[] = {"ssh-keyscan", "-T", "10", "-p", scan->port, "--", scan->host, NULL};
	struct proc_options options = {
		.argv = argv, .output_max_bytes = OUTPUT_BYTES, .error_max_bytes = 2048, .timeout_ms = SCAN_MS};
	struct err err = {0};
	struct proc *proc;
	if (!proc_start(loop, &options, scanned, scan, &proc, &err))
		end_scan(scan, STR(""), &err);
}
