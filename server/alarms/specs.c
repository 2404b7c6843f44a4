/* The alarms of the configuration in force. */
#include "common/lang/configuration.h"
#include "server/alarms/alarms_internal.h"
#include "server/configuration/configurations.h"

struct alarm_spec *alarms_specs(struct alarms *alarms, size_t *ret_count, struct arena *arena)
{
	const struct configuration *configuration = configurations_now(alarms->server->configurations)->configuration;
	struct alarm_spec *specs = arena_array(arena, struct alarm_spec, configuration->alarms.count);
	for (size_t i = 0; i < configuration->alarms.count; i++)
		alarm_spec_of(&configuration->alarms.items[i], &specs[i], arena);
	*ret_count = configuration->alarms.count;
	return specs;
}
