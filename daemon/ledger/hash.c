// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SHA-256, the door to libgcrypt: where the processor has instructions for it,
 * that takes a fifth of what libsodium's takes, and libsystemd brings it along.
 */
#include <errno.h>
#include <gcrypt.h>
#include <pthread.h>
#include <stdlib.h>

#include "ledger/chain.h"

enum { HASH_BYTES = 32 };

_Static_assert(HASH_BYTES * 2 + 1 == CHAIN_HASH_SIZE,
	       "a hash is 64 hex digits");

/* What the library asks for before all else; no other of its parts is used. */
static void init(void)
{
	if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
		gcry_check_version(NULL);
		gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	}
}

/* Of the bytes of all @parts, one behind the other. */
static void hash(const gcry_buffer_t *parts, int n, char ret[CHAIN_HASH_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	unsigned char bytes[HASH_BYTES];

	pthread_once(&once, init);
	/* It fails where the library was told to have no SHA-256. */
	if (gcry_md_hash_buffers(GCRY_MD_SHA256, 0, bytes, parts, n))
		abort();
	for (size_t i = 0; i < sizeof(bytes); i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * sizeof(bytes)] = '\0';
}

void chain_sha256(const void *data, size_t len, char ret[CHAIN_HASH_SIZE])
{
	const gcry_buffer_t all = { .data = (void *)data, .len = len };

	hash(&all, 1, ret);
}

void chain_hash(const char *prev, const void *body, size_t len,
		char ret[CHAIN_HASH_SIZE])
{
	const gcry_buffer_t parts[] = {
		{ .data = (void *)prev, .len = CHAIN_HASH_SIZE - 1 },
		{ .data = (void *)body, .len = len },
	};

	hash(parts, 2, ret);
}
