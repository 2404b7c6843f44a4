#ifndef COMMON_LANG_INPUT_H
#define COMMON_LANG_INPUT_H

/* The values of inputs: from the form, the API, the command line, a default, or `with`; one check for all of them. */

#include "common/err.h"
#include "common/lang/pipeline.h"

/* Whether the input takes this value: its type, pattern, options, min and max. Whether an environment exists and is of
 * the right tier is for the caller to know. */
bool lang_input_check(const struct pipeline_input *input, struct str value, struct err *err);

#endif
