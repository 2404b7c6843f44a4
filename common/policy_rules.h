#ifndef COMMON_POLICY_RULES_H
#define COMMON_POLICY_RULES_H

/*
 * The checks that a `policy:` step can name: what each is for, and what it has to be given. The language takes the
 * names from here, the server decides by the needs what a worker gets, and worker/policy has the code, one file a rule.
 * A new rule is a line here, and a file and a line there.
 */

#include "common/str.h"

/* Bits: what a rule looks at besides the workspace. */
enum {
	POLICY_OF_WORKSPACE = 0,
	POLICY_OF_CHANGE = 1,    /* commits and lines that a push or a pull request adds */
	POLICY_OF_ARTIFACTS = 2, /* of the jobs that the policy's job needs */
};

/* constant, name, needs, what it demands */
#define POLICY_RULES(X)                                                                                                \
	X(POLICY_CONVENTIONAL_COMMITS, "conventional-commits", POLICY_OF_CHANGE,                                       \
		"Commit messages follow Conventional Commits 1.0.0.")                                                  \
	X(POLICY_NO_SECRETS, "no-secrets", POLICY_OF_CHANGE | POLICY_OF_ARTIFACTS,                                     \
		"No token, key or password stands in the change or in an artifact.")                                   \
	X(POLICY_PIPELINE_PINNED, "pipeline-pinned", POLICY_OF_WORKSPACE,                                              \
		"Whatever a pipeline file pulls in is named by an exact version or digest.")                           \
	X(POLICY_ARTIFACT_HAS_SBOM, "artifact-has-sbom", POLICY_OF_ARTIFACTS,                                          \
		"Artifacts come with an SPDX or CycloneDX list of what they are made of.")

enum policy_rule {
#define X(constant, name, needs, help) constant,
	POLICY_RULES(X)
#undef X
		POLICY_RULE_COUNT
};

extern const char *const policy_rule_names[]; /* NULL-terminated, by enum policy_rule */

unsigned policy_rule_needs(enum policy_rule rule);
const char *policy_rule_help(enum policy_rule rule);
/* What all of the named rules need together; an unknown name needs nothing. */
unsigned policy_needs_of(const struct str_list *names);

#endif
