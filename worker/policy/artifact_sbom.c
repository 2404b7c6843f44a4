/* SPDX 2.x and 3.x (https://spdx.github.io/spdx-spec/) and CycloneDX (https://cyclonedx.org/docs/), as JSON. */

#include "common/json.h"
#include "common/mem.h"
#include "worker/policy/policy.h"

#include <string.h>

enum { SBOM_BYTES_MAX = 32 << 20 };

struct named {
	struct str *items;
	size_t count;
};

/* What goes with an artifact, and is none: signatures, sums, the list itself. */
static bool is_companion(struct str path)
{
	static const char *const ends[] = {".sig", ".asc", ".sha256", ".sha512", ".sha256sum", ".pem", ".crt",
		".intoto.jsonl", ".sbom", ".att", NULL};
	for (size_t i = 0; ends[i]; i++)
		if (str_ends(path, str_of(ends[i])))
			return true;
	return false;
}

static struct str base_name(struct str path)
{
	size_t at;
	while (str_find_char(path, '/', &at))
		path = str_skip(path, at + 1);
	return path;
}

/* --- reading a list --- */

static void add(struct named *named, struct arena *arena, struct str text)
{
	if (!text.n)
		return;
	named->items = arena_grow(arena, named->items, sizeof *named->items, named->count);
	named->items[named->count++] = arena_str(arena, text);
}

static void add_sums(struct named *named, struct arena *arena, const json_t *list, const char *value)
{
	size_t i;
	json_t *sum;
	json_array_foreach(list, i, sum) add(named, arena, json_get_str(sum, value));
}

static void add_all(struct named *named, struct arena *arena, const json_t *list, const char *const *names,
	const char *sums, const char *sum)
{
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item)
	{
		for (size_t j = 0; names[j]; j++)
			add(named, arena, json_get_str(item, names[j]));
		add_sums(named, arena, json_object_get(item, sums), sum);
	}
}

static bool read_spdx(const json_t *json, struct named *named, struct arena *arena)
{
	static const char *const names[] = {"name", "packageFileName", "fileName", NULL};
	static const char *const names_3[] = {"name", NULL};
	if (json_get_str(json, "spdxVersion").n) {
		add(named, arena, json_get_str(json, "name"));
		add_all(named, arena, json_object_get(json, "packages"), names, "checksums", "checksumValue");
		add_all(named, arena, json_object_get(json, "files"), names, "checksums", "checksumValue");
		return true;
	}
	struct str context = json_get_str(json, "@context");
	size_t at;
	if (!str_find(context, STR("spdx.org/rdf/3"), &at))
		return false;
	add_all(named, arena, json_object_get(json, "@graph"), names_3, "verifiedUsing", "hashValue");
	return true;
}

static bool read_cyclonedx(const json_t *json, struct named *named, struct arena *arena)
{
	static const char *const names[] = {"name", NULL};
	if (!str_is(json_get_str(json, "bomFormat"), "CycloneDX"))
		return false;
	json_t *product = json_object_get(json_object_get(json, "metadata"), "component");
	add(named, arena, json_get_str(product, "name"));
	add_sums(named, arena, json_object_get(product, "hashes"), "content");
	add_all(named, arena, json_object_get(json, "components"), names, "hashes", "content");
	return true;
}

/* False: it is no such list. */
static bool read_list(struct policy *policy, const struct policy_artifact *artifact, struct named *named)
{
	auto_arena arena = {0};
	struct err err = {0};
	struct str text;
	json_error_t fault;
	if (!str_ends(artifact->path, STR(".json")) && !str_ends(artifact->path, STR(".sbom")))
		return false;
	if (!policy_load(policy, artifact->path, SBOM_BYTES_MAX, &arena, &text, &err)) {
		policy_note(policy, "%s: %s", policy->rule, err.text);
		return false;
	}
	json_t *json = json_loadb(text.p, text.n, 0, &fault);
	bool is_list = json_is_object(json) &&
		       (read_spdx(json, named, &policy->arena) || read_cyclonedx(json, named, &policy->arena));
	json_decref(json);
	return is_list;
}

/* --- comparing --- */

/* "web" for "web-1.2.tar.gz": a list is of a thing, whatever its file is called this time. */
static bool is_stem(struct str name, struct str file)
{
	return name.n >= 2 && str_starts(file, name) && file.n > name.n && strchr(".-_", file.p[name.n]);
}

static bool is_named(const struct named *named, const struct policy_artifact *artifact)
{
	struct str file = base_name(artifact->path);
	for (size_t i = 0; i < named->count; i++) {
		struct str name = named->items[i];
		if (str_eq(name, artifact->sha256) || str_eq(base_name(name), file) || is_stem(base_name(name), file))
			return true;
	}
	return false;
}

static void check_named(struct policy *policy, const struct policy_artifact *artifact, const struct named *named)
{
	if (is_named(named, artifact))
		return;
	policy_tell(policy,
		&(struct finding){
			.path = artifact->path,
			.message = STR("no SBOM among the artifacts names it"),
			.help = STR("let the tool that writes the SBOM name this file, by its name or its SHA-256"),
			.fingerprint = artifact->sha256,
		});
}

void policy_artifact_has_sbom(struct policy *policy)
{
	const struct policy_request *request = &policy->request;
	struct named named = {0};
	bool *is_list = arena_array(&policy->arena, bool, request->artifact_count + 1);
	size_t lists = 0, shipped = 0;
	for (size_t i = 0; i < request->artifact_count; i++) {
		is_list[i] = read_list(policy, &request->artifacts[i], &named);
		lists += is_list[i];
		shipped += !is_list[i] && !is_companion(request->artifacts[i].path);
	}
	if (!shipped) {
		policy_tell(policy,
			&(struct finding){.message = STR("the job needs no job with artifacts, so there is nothing to "
							 "be listed"),
				.help = STR("put this policy into a job that `needs` the one that builds what ships")});
		return;
	}
	if (!lists) {
		policy_tell(policy,
			&(struct finding){.message = STR("there is no SBOM among the artifacts"),
				.help = STR(
					"keep one as an artifact: SPDX or CycloneDX as JSON, as syft and the like write it")});
		return;
	}
	for (size_t i = 0; i < request->artifact_count; i++)
		if (!is_list[i] && !is_companion(request->artifacts[i].path))
			check_named(policy, &request->artifacts[i], &named);
}
