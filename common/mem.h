#ifndef COMMON_MEM_H
#define COMMON_MEM_H

/*
 * Allocation for the scope: these never return NULL (out of memory aborts; leases in PostgreSQL make a restart the
 * recovery path). `auto_free`, `auto_fd` end with the scope; take() hands ownership over and leaves NULL or -1.
 */

#include <stddef.h>

void *mem_alloc(size_t size); /* zeroed */
void *mem_resize(void *p, size_t size);
char *mem_strdup(const char *s);
void *mem_dup(const void *p, size_t n); /* one zero byte is added behind */

void mem_free_at(void *pp); /* cleanup attributes: take the variable's address */
void mem_close_at(int *fd);

#define auto_free __attribute__((cleanup(mem_free_at)))
#define auto_fd   __attribute__((cleanup(mem_close_at)))

#define take(pointer)                                                                                                  \
	__extension__({                                                                                                \
		__auto_type taken_ = (pointer);                                                                        \
		(pointer) = NULL;                                                                                      \
		taken_;                                                                                                \
	})

int take_fd(int *fd); /* returns *fd, leaves -1 */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
