#include "common/lang/configuration.h"
#include "common/lang/lang.h"
#include "common/mem.h"

#include <stdio.h>
#include <string.h>

/* For scripts/print-language alone: what the tables of the language print, while the CLI may not even build. */
static const struct page {
	const char *name;
	char *(*print)(void);
} pages[] = {
	{"schema", lang_schema_json},
	{"reference", lang_reference_markdown},
	{"configuration-schema", configuration_schema_json},
	{"configuration-reference", configuration_reference_markdown},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < COUNT_OF(pages); i++) {
		if (strcmp(argv[1], pages[i].name) != 0)
			continue;
		auto_free char *text = pages[i].print();
		return fputs(text, stdout) < 0 || fflush(stdout) != 0;
	}
	fputs("usage: print-language [configuration-]schema|[configuration-]reference\n", stderr);
	return 2;
}
