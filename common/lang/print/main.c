#include "common/lang/lang.h"
#include "common/mem.h"

#include <stdio.h>
#include <string.h>

/* For scripts/print-language alone: what the tables of the language print, while the CLI may not even build. */
int main(int argc, char **argv)
{
	bool is_schema = argc == 2 && strcmp(argv[1], "schema") == 0;
	if (!is_schema && !(argc == 2 && strcmp(argv[1], "reference") == 0)) {
		fputs("usage: print-language schema|reference\n", stderr);
		return 2;
	}
	auto_free char *text = is_schema ? lang_schema_json() : lang_reference_markdown();
	return fputs(text, stdout) < 0 || fflush(stdout) != 0;
}
