#ifndef COMMON_LANG_CONFIGURATION_CHECK_H
#define COMMON_LANG_CONFIGURATION_CHECK_H

/*
 * What the tables of the configuration document cannot say: names that must exist, order, what goes together. It
 * tolerates values that could not be read. Private to common/lang.
 */

#include "common/lang/configuration.h"

void configuration_check(const struct configuration *configuration, struct arena *arena, struct lang_errors *errors);

#endif
