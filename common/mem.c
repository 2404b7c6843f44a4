#include "common/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *check(void *p, size_t size)
{
	if (!p) {
		fprintf(stderr, "out of memory: %zu bytes wanted\n", size);
		abort();
	}
	return p;
}

void *mem_alloc(size_t size)
{
	return check(calloc(1, size ? size : 1), size);
}

void *mem_resize(void *p, size_t size)
{
	return check(realloc(p, size ? size : 1), size);
}

char *mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s));
}

void *mem_dup(const void *p, size_t n)
{
	char *copy = mem_alloc(n + 1);
	if (n)
		memcpy(copy, p, n);
	return copy;
}

void mem_free_at(void *pp)
{
	void *p;
	memcpy(&p, pp, sizeof p);
	free(p);
}

void mem_close_at(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}
