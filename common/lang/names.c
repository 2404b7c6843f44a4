#include "common/lang/pipeline.h"

const char *const pipeline_input_type_names[] = {
	"string", "number", "boolean", "choice", "environment", "duration", NULL};
const char *const pipeline_network_names[] = {"none", "egress", NULL};
const char *const pipeline_sandbox_names[] = {"user", "full", NULL};
const char *const pipeline_author_names[] = {"allow", "deny", NULL};
const char *const pipeline_comment_names[] = {"optional", "required", NULL};
const char *const pipeline_reaction_names[] = {"stop", "rollback", NULL};
const char *const pipeline_rollback_names[] = {"previous", "none", NULL};
const char *const pipeline_once_names[] = {"target", "wave", NULL};
const char *const pipeline_retry_on_names[] = {"worker_lost", "timeout", "exit", NULL};
