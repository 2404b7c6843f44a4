#ifndef SERVER_STORE_DB_STATEMENT_H
#define SERVER_STORE_DB_STATEMENT_H

/*
 * One SQL statement that is prepared when a connection opens. Tables of them end with an empty one; the product's is
 * generated from sql/queries, tests bring their own.
 */

#include <stdbool.h>

struct db_statement {
	const char *name;
	const char *text;
	/* Its plan depends on the values: a list with filters that may be absent. A line "-- planned each time" says
	 * so. */
	bool is_planned_each_time;
};

#endif
