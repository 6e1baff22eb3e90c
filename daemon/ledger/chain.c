// SPDX-License-Identifier: GPL-2.0-or-later
/* Signatures and the private key of a ledger. */
#include "ledger/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(crypto_sign_BYTES == 64, "a signature has 64 bytes");
_Static_assert(crypto_sign_PUBLICKEYBYTES == 32, "a key has 32 bytes");

#define B64 sodium_base64_VARIANT_ORIGINAL
/* Seed as base64 and a newline. */
#define KEY_FILE_LEN 45

struct chain_key {
	unsigned char secret[crypto_sign_SECRETKEYBYTES];
	unsigned char public[crypto_sign_PUBLICKEYBYTES];
};

static void to_hex(const unsigned char *data, size_t len, char *ret)
{
	sodium_bin2hex(ret, 2 * len + 1, data, len);
}

bool chain_is_hash(const char *s)
{
	return strlen(s) == CHAIN_HASH_SIZE - 1 &&
	       strspn(s, "0123456789abcdef") == CHAIN_HASH_SIZE - 1;
}

int chain_base64_append(struct buf *b, const void *data, size_t len)
{
	size_t size = sodium_base64_encoded_len(len, B64);
	int r;

	r = buf_reserve(b, size);
	if (r < 0)
		return r;
	sodium_bin2base64(b->data + b->len, size, data, len, B64);
	b->len += size - 1; /* without its NUL */
	return 0;
}

int chain_base64_decode(const char *text, size_t len, void *ret, size_t size,
			size_t *ret_len)
{
	const char *end;

	if (sodium_base642bin(ret, size, text, len, NULL, ret_len, &end, B64) <
		    0 ||
	    end != text + len)
		return -EBADMSG;
	return 0;
}

/* Exactly @size bytes. */
static int decode_fixed(const char *text, void *ret, size_t size)
{
	size_t len;
	int r;

	r = chain_base64_decode(text, strlen(text), ret, size, &len);
	if (r < 0)
		return r;
	return len == size ? 0 : -EBADMSG;
}

/* Randomness needs it; nothing else here does. */
static int init_random(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

int chain_new_id(char ret[CHAIN_ID_SIZE])
{
	unsigned char id[(CHAIN_ID_SIZE - 1) / 2];
	int r;

	r = init_random();
	if (r < 0)
		return r;
	randombytes_buf(id, sizeof(id));
	to_hex(id, sizeof(id), ret);
	return 0;
}

/* ---- keys ---------------------------------------------------------------- */

static int key_new(const unsigned char *seed, struct chain_key **ret)
{
	struct chain_key *k;

	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	crypto_sign_seed_keypair(k->public, k->secret, seed);
	*ret = k;
	return 0;
}

struct chain_key *chain_key_free(struct chain_key *k)
{
	if (k)
		sodium_memzero(k, sizeof(*k));
	free(k);
	return NULL;
}

static int read_seed(int fd, unsigned char *ret)
{
	char text[KEY_FILE_LEN + 1];
	ssize_t n;
	int r = -EBADMSG;

	n = read(fd, text, sizeof(text));
	if (n < 0)
		return -errno;
	if (n == KEY_FILE_LEN && text[n - 1] == '\n') {
		text[n - 1] = '\0';
		r = decode_fixed(text, ret, crypto_sign_SEEDBYTES);
	}
	sodium_memzero(text, sizeof(text));
	return r;
}

int chain_key_load(int dir_fd, const char *name, struct chain_key **ret)
{
	CLEANUP(closep) int fd = -1;
	unsigned char seed[crypto_sign_SEEDBYTES];
	struct stat st;
	int r;

	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	if ((st.st_mode & 077) || st.st_uid != geteuid())
		return -EPERM;

	r = read_seed(fd, seed);
	if (!r)
		r = key_new(seed, ret);
	sodium_memzero(seed, sizeof(seed));
	return r;
}

static int write_seed(int fd, const unsigned char *seed)
{
	char text[KEY_FILE_LEN + 1];
	ssize_t n;

	sodium_bin2base64(text, sizeof(text), seed, crypto_sign_SEEDBYTES, B64);
	text[KEY_FILE_LEN - 1] = '\n';
	n = write(fd, text, KEY_FILE_LEN);
	sodium_memzero(text, sizeof(text));
	if (n < 0)
		return -errno;
	if (n != KEY_FILE_LEN)
		return -ENOSPC;
	return fsync(fd) < 0 ? -errno : 0;
}

/* The finished file gets its name in one step: a crash leaves no half key. */
static int write_key_file(int dir_fd, const char *name,
			  const unsigned char *seed)
{
	CLEANUP(closep) int fd = -1;
	char temporary[80];
	int r;

	snprintf(temporary, sizeof(temporary), "%.60s.new", name);
	unlinkat(dir_fd, temporary, 0);
	fd = openat(dir_fd, temporary,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_seed(fd, seed);
	if (!r && linkat(dir_fd, temporary, dir_fd, name, 0) < 0)
		r = -errno;
	unlinkat(dir_fd, temporary, 0);
	if (!r && fsync(dir_fd) < 0)
		r = -errno;
	return r;
}

int chain_key_create(int dir_fd, const char *name, struct chain_key **ret)
{
	unsigned char seed[crypto_sign_SEEDBYTES];
	int r;

	r = init_random();
	if (r < 0)
		return r;
	randombytes_buf(seed, sizeof(seed));
	r = write_key_file(dir_fd, name, seed);
	if (!r)
		r = key_new(seed, ret);
	sodium_memzero(seed, sizeof(seed));
	return r;
}

void chain_key_public(const struct chain_key *k, char ret[CHAIN_KEY_SIZE])
{
	sodium_bin2base64(ret, CHAIN_KEY_SIZE, k->public, sizeof(k->public),
			  B64);
}

void chain_sign(const struct chain_key *k, const char *hash,
		char ret[CHAIN_SIG_SIZE])
{
	unsigned char sig[crypto_sign_BYTES];

	crypto_sign_detached(sig, NULL, (const unsigned char *)hash,
			     CHAIN_HASH_SIZE - 1, k->secret);
	sodium_bin2base64(ret, CHAIN_SIG_SIZE, sig, sizeof(sig), B64);
}

int chain_verify_sig(const char *public_key, const char *hash, const char *sig)
{
	unsigned char key[crypto_sign_PUBLICKEYBYTES];
	unsigned char bytes[crypto_sign_BYTES];

	if (!chain_is_hash(hash) ||
	    decode_fixed(public_key, key, sizeof(key)) < 0 ||
	    decode_fixed(sig, bytes, sizeof(bytes)) < 0)
		return -EBADMSG;
	if (crypto_sign_verify_detached(bytes, (const unsigned char *)hash,
					CHAIN_HASH_SIZE - 1, key) < 0)
		return -EBADMSG;
	return 0;
}

int chain_fingerprint(const char *public_key, char ret[CHAIN_FINGERPRINT_SIZE])
{
	unsigned char key[crypto_sign_PUBLICKEYBYTES];
	char hash[CHAIN_HASH_SIZE];

	if (decode_fixed(public_key, key, sizeof(key)) < 0)
		return -EBADMSG;
	chain_sha256(key, sizeof(key), hash);
	snprintf(ret, CHAIN_FINGERPRINT_SIZE, "SHA256:%s", hash);
	return 0;
}

const char *chain_find_key(char *text)
{
	static const char blanks[] = " \t\r\n";
	char fingerprint[CHAIN_FINGERPRINT_SIZE];
	const size_t len = strcspn(text, blanks);

	/* No key is so short. */
	if (len == strlen("key") && !memcmp(text, "key", len)) {
		text += len;
		text += strspn(text, " \t");
	}
	text[strcspn(text, blanks)] = 0;
	return chain_fingerprint(text, fingerprint) == 0 ? text : NULL;
}
