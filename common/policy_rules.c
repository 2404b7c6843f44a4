#include "common/policy_rules.h"

#include "common/fields.h"

const char *const policy_rule_names[] = {
#define X(constant, name, needs, help) name,
	POLICY_RULES(X)
#undef X
		NULL,
};

unsigned policy_rule_needs(enum policy_rule rule)
{
	static const unsigned all[] = {
#define X(constant, name, needs, help) needs,
		POLICY_RULES(X)
#undef X
	};
	return all[rule];
}

const char *policy_rule_help(enum policy_rule rule)
{
	static const char *const all[] = {
#define X(constant, name, needs, help) help,
		POLICY_RULES(X)
#undef X
	};
	return all[rule];
}

unsigned policy_needs_of(const struct str_list *names)
{
	unsigned needs = 0;
	for (size_t i = 0; i < names->count; i++) {
		int rule;
		if (enum_from_name(policy_rule_names, names->items[i], &rule))
			needs |= policy_rule_needs((enum policy_rule)rule);
	}
	return needs;
}
