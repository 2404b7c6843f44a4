#include "server/auth/login_limit.h"

#include "common/digest.h"

/* A name from an address: a person who has forgotten which password it was. An address: an office behind one. */
enum { NAME_TRIES = 10, NAME_EVERY_MS = 6000, PEER_TRIES = 100, PEER_EVERY_MS = 500 };

static struct str key_of(struct str name, struct str peer, uint8_t space[static DIGEST_BYTES])
{
	auto_digest digest;
	digest_init(&digest);
	digest_add(&digest, peer);
	digest_add(&digest, (struct str){"", 1}); /* no address holds a zero byte */
	digest_add(&digest, name);
	digest_end(&digest, space);
	return (struct str){(const char *)space, DIGEST_BYTES};
}

void login_limit_add(struct db_batch *batch, struct str name, struct str peer)
{
	uint8_t of_peer[DIGEST_BYTES], of_name[DIGEST_BYTES];
	db_add(batch, QUERY_LOGIN_TAKE, DB_BYTES(key_of(STR(""), peer, of_peer)), DB_BYTES(key_of(name, peer, of_name)),
		DB_I64(PEER_TRIES), DB_I64(PEER_EVERY_MS), DB_I64(NAME_TRIES), DB_I64(NAME_EVERY_MS));
}

int64_t login_limit_wait_s(const struct db_reply *reply, size_t statement)
{
	return db_i64(reply, statement, 0, 0);
}

void login_limit_forget(struct db_batch *batch, struct str name, struct str peer)
{
	uint8_t key[DIGEST_BYTES];
	db_add(batch, QUERY_LOGIN_FORGET, DB_BYTES(key_of(name, peer, key)));
}
