// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reespec restore: a ledger of a backup. The daemon's program makes it; here it
 * is seen to that nothing is lost and that it belongs to the daemon's user.
 */
#include "reespec/command.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ledger/ledger.h"
#include "reespec/verify.h"

#define STATE "/var/lib/reespec"

static const struct option_desc options[] = {
	{ "state", 0, "FOLDER", "the daemon's state (default " STATE ")" },
	{ "dry-run", 'n', NULL, "check all of it, and change nothing" },
	{ "key", 0, "KEY", "a public key that must have signed" },
	{ NULL, 0, NULL, NULL },
};

/* What is there is never overwritten, and without the key nothing goes on. */
static int check_folder(const struct args *args, const char *folder,
			struct stat *ret)
{
	char path[PATH_MAX];
	struct stat st;

	if (stat(folder, ret) < 0)
		return fail(args,
			    errno == EACCES ? REESPEC_DENIED : REESPEC_FAILED,
			    "%s: %s (%s)", folder, strerror(errno),
			    errno == EACCES ? "use sudo"
					    : "make it, or name it by --state");
	snprintf(path, sizeof(path), "%.4000s/%s", folder, LEDGER_FILE);
	if (!lstat(path, &st))
		return fail(
			args, REESPEC_FAILED,
			"%s is there: a ledger is not overwritten; stop reespecd and move it away first",
			path);
	if (errno == EACCES)
		return fail(args, REESPEC_DENIED, "%s: %s (use sudo)", folder,
			    strerror(errno));
	snprintf(path, sizeof(path), "%.4000s/%s", folder, LEDGER_KEY_FILE);
	if (lstat(path, &st) < 0)
		return fail(
			args, REESPEC_NOT_FOUND,
			"%s is missing: put the private key there that signed the backup last",
			path);
	return REESPEC_OK;
}

/* The daemon's program lies beside this one. */
static int find_daemon(const struct args *args, char *ret, size_t size)
{
	char self[PATH_MAX] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return fail(args, REESPEC_FAILED, "/proc/self/exe: %s",
			    strerror(errno));
	snprintf(ret, size, "%.4000s/reespecd", dirname(self));
	if (access(ret, X_OK) < 0)
		return fail(args, REESPEC_FAILED,
			    "%s: %s (the daemon belongs beside reespec)", ret,
			    strerror(errno));
	return REESPEC_OK;
}

/* What root makes belongs to the owner of the folder, who runs the daemon. */
static int become(const struct args *args, const struct stat *owner)
{
	if (geteuid() || !owner->st_uid)
		return REESPEC_OK;
	if (setgroups(0, NULL) < 0 || setgid(owner->st_gid) < 0 ||
	    setuid(owner->st_uid) < 0)
		return fail(args, REESPEC_FAILED,
			    "cannot become the owner of the folder: %s",
			    strerror(errno));
	return REESPEC_OK;
}

static int run(const struct args *args)
{
	const char *folder =
		args_has(args, "state") ? args_get(args, "state") : STATE;
	char program[PATH_MAX];
	struct stat owner;
	int r;

	r = verify_export(args, args->operands[0]);
	fflush(stdout);
	if (!r)
		r = check_folder(args, folder, &owner);
	if (!r)
		r = find_daemon(args, program, sizeof(program));
	if (r)
		return r;
	if (args_has(args, "dry-run")) {
		if (!args->is_json)
			printf("nothing was changed: without --dry-run these records become the ledger\n"
			       "in %s\n",
			       folder);
		return REESPEC_OK;
	}
	r = become(args, &owner);
	if (r)
		return r;
	execl(program, program, "--restore", args->operands[0], "--state",
	      folder, (char *)NULL);
	return fail(args, REESPEC_FAILED, "%s: %s", program, strerror(errno));
}

const struct command command_restore = {
	.name = "restore",
	.operands = "FILE",
	.summary = "make a ledger of a backup",
	.text = "Checks FILE, which reespec backup wrote, as verify does, and has reespecd\n"
		"make a ledger of it in its state folder, where ledger.key must lie and no\n"
		"ledger. The daemon must not run. The ledger goes on under a new id that\n"
		"names the old one.",
	.n_min = 1,
	.n_max = 1,
	.options = options,
	.run = run,
};
