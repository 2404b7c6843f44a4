/*
 * A fuzz target without a fuzzer: feeds it every file of the folders named, or of its own corpus and regressions. What
 * fuzzing found once is so looked at in every ordinary test run, under ASan and UBSan.
 */
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char current[4096]; /* the input at hand */

/* Sanitizers and BUG() abort: say of which input. */
static void tell(int number)
{
	static const char words[] = "\nThis input did it: ";
	ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);
	ignored = write(STDERR_FILENO, current, strlen(current));
	ignored = write(STDERR_FILENO, "\n", 1);
	(void)ignored;
	signal(number, SIG_DFL);
	raise(number);
}

static void feed(const char *path, size_t size)
{
	/* Of exactly its size, so that one byte too far is seen. */
	auto_free uint8_t *data = malloc(size ? size : 1);
	FILE *file = fopen(path, "rb");
	if (!file || !data || fread(data, 1, size, file) != size) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
}

static size_t feed_all(const char *path);

static size_t feed_folder(const char *folder)
{
	struct dirent **entries;
	size_t fed = 0;
	int count = scandir(folder, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char path[sizeof current];
		snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			fed += feed_all(path);
		free(entries[i]);
	}
	free(entries);
	return fed;
}

static size_t feed_all(const char *path)
{
	struct stat info;
	if (stat(path, &info) < 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	if (S_ISDIR(info.st_mode))
		return feed_folder(path);
	snprintf(current, sizeof current, "%s", path);
	feed(path, (size_t)info.st_size);
	return 1;
}

int main(int count, char **arguments)
{
	static const char *const own[] = {FUZZ_DIR "/corpus/" FUZZ_TARGET, FUZZ_DIR "/regressions/" FUZZ_TARGET};
	size_t fed = 0;
	signal(SIGABRT, tell);
	for (int i = 1; i < count; i++)
		fed += feed_all(arguments[i]);
	for (size_t i = 0; count == 1 && i < COUNT_OF(own); i++)
		if (access(own[i], F_OK) == 0)
			fed += feed_all(own[i]);
	printf("%s: %zu inputs\n", FUZZ_TARGET, fed);
	return fed ? EXIT_SUCCESS : EXIT_FAILURE;
}
