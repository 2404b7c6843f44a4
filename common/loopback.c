#include "common/loopback.h"

#include "common/mem.h"

bool loopback_has_url(struct str url)
{
	static const char *const hosts[] = {"127.", "localhost:", "localhost/", "[::1]"};
	size_t scheme;
	if (!str_find(url, STR("://"), &scheme))
		return false;
	struct str host = str_skip(url, scheme + 3);
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		if (str_starts(host, str_of(hosts[i])))
			return true;
	return str_is(host, "localhost");
}
