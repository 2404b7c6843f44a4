#include "server/auth/login_limit.h"

#include "common/clock.h"

#include <string.h>

/* A name from an address: a person who has forgotten which password it was. An address: an office behind one. */
enum { NAME_TRIES = 10, PEER_TRIES = 100, PROBES = 8 };
#define NAME_EVERY_US (6 * US_PER_SECOND)
#define PEER_EVERY_US (US_PER_SECOND / 2)

static void key_of(struct str name, struct str peer, uint8_t ret[static DIGEST_BYTES])
{
	auto_digest digest;
	digest_init(&digest);
	digest_add(&digest, peer);
	digest_add(&digest, (struct str){"", 1}); /* no address holds a zero byte */
	digest_add(&digest, name);
	digest_end(&digest, ret);
}

static struct login_count *place_at(struct login_limit *limit, const uint8_t *key, size_t probe)
{
	return &limit->counts[((size_t)(key[0] | key[1] << 8) + probe) % LOGIN_LIMIT_PLACES];
}

static struct login_count *find(struct login_limit *limit, const uint8_t *key)
{
	for (size_t probe = 0; probe < PROBES; probe++) {
		struct login_count *count = place_at(limit, key, probe);
		if (count->calm_at_us && memcmp(count->key, key, DIGEST_BYTES) == 0)
			return count;
	}
	return NULL;
}

static struct login_count *find_or_make(struct login_limit *limit, const uint8_t *key)
{
	struct login_count *count = find(limit, key), *calmest = place_at(limit, key, 0);
	if (count)
		return count;
	for (size_t probe = 1; probe < PROBES; probe++)
		if (place_at(limit, key, probe)->calm_at_us < calmest->calm_at_us)
			calmest = place_at(limit, key, probe);
	memcpy(calmest->key, key, DIGEST_BYTES);
	calmest->calm_at_us = 0;
	return calmest;
}

/* Each try moves the time of calm by one step; so many steps ahead of now, it is too many. */
static int64_t wait_of(const struct login_count *count, int64_t now_us, int64_t tries, int64_t every_us)
{
	int64_t behind = count->calm_at_us + every_us - (now_us + tries * every_us);
	return behind > 0 ? (behind + US_PER_SECOND - 1) / US_PER_SECOND : 0;
}

static void add(struct login_count *count, int64_t now_us, int64_t every_us)
{
	count->calm_at_us = (count->calm_at_us > now_us ? count->calm_at_us : now_us) + every_us;
}

bool login_limit_take(struct login_limit *limit, struct str name, struct str peer, int64_t now_us, int64_t *ret_wait_s)
{
	uint8_t key[DIGEST_BYTES];
	key_of(STR(""), peer, key);
	struct login_count *of_peer = find_or_make(limit, key);
	int64_t wait_s = wait_of(of_peer, now_us, PEER_TRIES, PEER_EVERY_US);
	if (wait_s == 0) {
		/* Counted first: the place of a name must not be that of its address. */
		add(of_peer, now_us, PEER_EVERY_US);
		key_of(name, peer, key);
		struct login_count *of_name = find_or_make(limit, key);
		wait_s = wait_of(of_name, now_us, NAME_TRIES, NAME_EVERY_US);
		if (wait_s == 0)
			add(of_name, now_us, NAME_EVERY_US);
	}
	if (wait_s)
		*ret_wait_s = wait_s;
	return wait_s == 0;
}

void login_limit_forget(struct login_limit *limit, struct str name, struct str peer)
{
	uint8_t key[DIGEST_BYTES];
	key_of(name, peer, key);
	struct login_count *count = find(limit, key);
	if (count)
		count->calm_at_us = 0;
}
