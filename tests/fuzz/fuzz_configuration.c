// links: penstock_lang
// seeds: tests/corpus/configuration
// max_len: 8192
/*
 * The configuration document: the input is its text. What is read says as JSON what reads as the same again, without
 * any difference; what is refused is refused with errors that can be shown.
 */
#include "common/lang/configuration.h"
#include "common/yaml.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check_none(json_t *difference)
{
	if (json_array_size(difference)) {
		char *text = json_dumps(difference, 0);
		BUG("it differs from itself: %s", text);
	}
	json_decref(difference);
}

static void check_described(const struct configuration *configuration, struct arena *arena)
{
	struct lang_errors errors = {.arena = arena};
	const struct configuration *again;
	json_auto_t *json = configuration_describe(configuration);
	char *text = json_dumps(json, JSON_COMPACT);
	BUG_ON(!text);
	struct str copy = arena_str(arena, str_of(text));
	free(text);
	if (copy.n > YAML_BYTES_MAX)
		return;
	if (!configuration_load(copy, "again", arena, &again, &errors))
		BUG("%.*s: %.*s", STR_ARG(copy), STR_ARG(lang_error_text(&errors.items[0], arena)));
	check_none(configuration_diff(configuration, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena arena = {0};
	struct lang_errors errors = {.arena = &arena};
	const struct configuration *configuration = NULL;
	if (configuration_load(fuzz_input(data, size), "x", &arena, &configuration, &errors)) {
		BUG_ON(!configuration || errors.count);
		check_none(configuration_diff(configuration, configuration));
		check_described(configuration, &arena);
		return 0;
	}
	BUG_ON(errors.count == 0 || errors.count > LANG_ERRORS_MAX);
	for (size_t i = 0; i < errors.count; i++)
		BUG_ON(!str_is_utf8(lang_error_text(&errors.items[i], &arena)));
	return 0;
}
