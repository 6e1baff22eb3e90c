// SPDX-License-Identifier: GPL-2.0-or-later
/* Known public keys, as typed or from a folder. */
#include "reespec/trust.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define DEFAULT_FOLDER "/etc/reespec/keys"
#define FILE_MAX 4096

void trust_deinit(struct trust *t)
{
	free(t->keys);
	t->keys = NULL;
}

void trust_hold(const struct trust *t, struct chain_verifier *v)
{
	v->known = (const char(*)[CHAIN_KEY_SIZE])t->keys;
	v->n_known = t->n;
}

static bool is_key(const char *text)
{
	char fingerprint[CHAIN_FINGERPRINT_SIZE];

	return chain_fingerprint(text, fingerprint) == 0;
}

static int add(const struct args *args, struct trust *t, const char *key)
{
	char(*keys)[CHAIN_KEY_SIZE];

	keys = realloc(t->keys, (t->n + 1) * sizeof(*keys));
	if (!keys)
		return fail(args, REESPEC_FAILED, "out of memory");
	t->keys = keys;
	snprintf(keys[t->n++], sizeof(*keys), "%s", key);
	return REESPEC_OK;
}

static int add_file(const struct args *args, struct trust *t, const char *path)
{
	CLEANUP(buf_deinit) struct buf data = { 0 };
	const char *key;
	int r;

	r = buf_read_file(&data, path, FILE_MAX);
	if (r < 0)
		return fail(args, REESPEC_FAILED, "%s: %s", path, strerror(-r));
	key = data.data ? chain_find_key(data.data) : NULL;
	if (!key)
		return fail(
			args, REESPEC_FAILED,
			"%s: holds no public key: want its 44 characters of base64 first, or what reespec key shows",
			path);
	return add(args, t, key);
}

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int add_folder(const struct args *args, struct trust *t,
		      const char *folder)
{
	CLEANUP(closedirp) DIR *d = opendir(folder);
	const struct dirent *e;
	char path[PATH_MAX];
	int r = REESPEC_OK;

	if (!d && errno == ENOENT)
		return REESPEC_OK;
	if (!d)
		return fail(args, REESPEC_FAILED, "%s: %s", folder,
			    strerror(errno));
	while (!r && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		r = add_file(args, t, path);
	}
	return r;
}

int trust_load(const struct args *args, struct trust *ret)
{
	const char *folder = getenv("REESPEC_KEYS");
	const char *key = args_get(args, "key");

	if (!key)
		return add_folder(args, ret,
				  folder && *folder ? folder : DEFAULT_FOLDER);
	if (is_key(key))
		return add(args, ret, key);
	if (access(key, F_OK) < 0)
		return fail(
			args, REESPEC_NOT_FOUND,
			"--key %s: neither a public key nor a file: a key has 44 characters of base64",
			key);
	return add_file(args, ret, key);
}
