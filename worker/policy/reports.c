#include "worker/policy/policy.h"

void policy_reports(struct policy *policy)
{
	(void)policy;
}
