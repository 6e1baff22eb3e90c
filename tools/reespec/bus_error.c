// SPDX-License-Identifier: GPL-2.0-or-later
/* Errors of the bus as one sentence for the operator and an exit code. */
#include "reespec/bus_error.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OURS "org.reespec1.Error."
#define STANDARD "org.freedesktop.DBus.Error."

/* @text NULL: the sender's own sentence says it best. */
static const struct {
	const char *name;
	enum reespec_exit code;
	const char *text;
} known[] = {
	{ OURS "BadSample", REESPEC_USAGE, NULL },
	{ OURS "BadOption", REESPEC_USAGE, NULL },
	{ OURS "BadReader", REESPEC_USAGE, NULL },
	{ OURS "UnknownMethod", REESPEC_NOT_FOUND, NULL },
	{ OURS "NoRecord", REESPEC_NOT_FOUND, NULL },
	{ OURS "NoReader", REESPEC_NOT_FOUND, NULL },
	{ OURS "NoSpectrum", REESPEC_NOT_FOUND, NULL },
	{ OURS "BadMethod", REESPEC_FAILED, NULL },
	{ OURS "Busy", REESPEC_BUSY, NULL },
	{ OURS "NoDevice", REESPEC_BUSY, NULL },
	{ OURS "NotSettled", REESPEC_BUSY, NULL },
	{ OURS "Fault", REESPEC_BUSY, NULL },
	{ OURS "NotRunning", REESPEC_FAILED, NULL },
	{ STANDARD "ServiceUnknown", REESPEC_FAILED,
	  "reespecd does not run on this bus (systemctl start reespecd)" },
	{ STANDARD "NameHasNoOwner", REESPEC_FAILED,
	  "reespecd does not run on this bus (systemctl start reespecd)" },
	{ STANDARD "NoReply", REESPEC_FAILED,
	  "reespecd gave no answer (systemctl status reespecd)" },
	{ STANDARD "Timeout", REESPEC_FAILED,
	  "reespecd gave no answer in time (systemctl status reespecd)" },
	{ STANDARD "UnknownObject", REESPEC_NOT_FOUND, NULL },
	{ STANDARD "InteractiveAuthorizationRequired", REESPEC_DENIED,
	  "this needs an authentication, and no agent is here to ask for it" },
};

/* Root passes every policy; a group that does not exist holds nobody. */
static bool is_member(const char *name)
{
	const struct group *group = getgrnam(name);
	gid_t gids[256];
	int n;

	if (geteuid() == 0)
		return true;
	if (!group)
		return false;
	if (getegid() == group->gr_gid)
		return true;
	n = getgroups(256, gids);
	for (int i = 0; i < n; i++)
		if (gids[i] == group->gr_gid)
			return true;
	return false;
}

static bool is_measuring(const char *member)
{
	return !strcmp(member, "Measure") || !strcmp(member, "Finish") ||
	       !strcmp(member, "Cancel") || !strcmp(member, "Reprocess");
}

/* Asked for a password where being in a group would do. */
static bool is_in_need(const char *member, const char *name)
{
	return !strcmp(name, STANDARD "InteractiveAuthorizationRequired") &&
	       is_measuring(member) && !is_member("reespec-operator");
}

static enum reespec_exit explain_denial(const char *member, const char *message,
					char *text, size_t size)
{
	const char *group = is_measuring(member) && is_member("reespec")
				    ? "reespec-operator"
				    : "reespec";

	if (!is_member(group))
		snprintf(
			text, size,
			"you are not in group %s: sudo usermod -aG %s $USER, then log in again",
			group, group);
	else
		snprintf(text, size, "denied: %s", message);
	return REESPEC_DENIED;
}

bool bus_error_is_about_order(const char *name)
{
	static const char *const names[] = { "BadSample", "BadOption",
					     "UnknownMethod", "BadMethod" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

enum reespec_exit bus_error_explain(const char *member, const char *name,
				    const char *message, int number, char *text,
				    size_t size)
{
	if (!message)
		message = strerror(number);
	if (!name) {
		snprintf(text, size, "the bus connection failed: %s",
			 strerror(number));
		return REESPEC_FAILED;
	}
	if (!strcmp(name, STANDARD "AccessDenied") || is_in_need(member, name))
		return explain_denial(member, message, text, size);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(name, known[i].name))
			continue;
		snprintf(text, size, "%s",
			 known[i].text ? known[i].text : message);
		return known[i].code;
	}
	if (!strcmp(name, OURS "QualityControl")) {
		snprintf(text, size,
			 "%s (reespec qc shows the checks and what to do)",
			 message);
		return REESPEC_VERDICT;
	}
	if (!strncmp(name, STANDARD "Spawn.", strlen(STANDARD "Spawn.")))
		snprintf(text, size, "the bus could not start reespecd: %s",
			 message);
	else
		snprintf(text, size, "%s", message);
	return REESPEC_FAILED;
}
