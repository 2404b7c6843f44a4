#ifndef SERVER_ENGINE_PLAN_CONFIGURATION_H
#define SERVER_ENGINE_PLAN_CONFIGURATION_H

/* What the planner has to know of the configuration document. Pure. */

#include "common/lang/configuration.h"
#include "server/engine/planner.h"

/* For plan_context.environment; arg: struct configuration. */
bool plan_configuration_environment(void *arg, struct str name, struct str pipeline, struct str ref,
	struct arena *arena, struct plan_environment *ret, struct err *err);
/* For plan_context.alarm: its definition as a line of JSON. */
struct str plan_configuration_alarm(void *arg, struct str name, struct arena *arena);
/* For plan_context.knows_service. */
bool plan_configuration_knows(void *arg, struct str service);
/* For plan_context.may_read. */
bool plan_configuration_may_read(void *arg, struct str service, struct str other);
/* The service of a repository: the only one, or the one of its name; "": there is none, or nobody can tell which. */
struct str plan_configuration_service(const struct configuration *configuration, struct str repository);

#endif
