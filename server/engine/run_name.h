#ifndef SERVER_ENGINE_RUN_NAME_H
#define SERVER_ENGINE_RUN_NAME_H

/* How a run is named: "web#42", the 42nd of its repository, or "1234", its id in the database. Runs that no list shows,
 * those of alarms, have numbers below zero: "web#-1234". Pure. */

#include "common/err.h"
#include "common/str.h"

#include <stdint.h>

struct run_name {
	struct str repository; /* "" when the id is given */
	int64_t number;
	int64_t id; /* 0 when repository and number are given */
};

/* Views into the text. ERR_INVALID says how a run is named. */
bool run_name_parse(struct str text, struct run_name *ret, struct err *err);

#endif
