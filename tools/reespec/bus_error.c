// SPDX-License-Identifier: GPL-2.0-or-later
/* Errors of the bus as one sentence for the operator and an exit code. */
#include "reespec/bus_error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reespec/membership.h"

#define OURS "org.reespec1.Error."
#define STANDARD "org.freedesktop.DBus.Error."

#define NOT_THERE "reespecd does not run on this bus"

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
	{ STANDARD "ServiceUnknown", REESPEC_FAILED, NOT_THERE },
	{ STANDARD "NameHasNoOwner", REESPEC_FAILED, NOT_THERE },
	{ STANDARD "NoReply", REESPEC_FAILED,
	  "reespecd gave no answer (systemctl status reespecd)" },
	{ STANDARD "Timeout", REESPEC_FAILED,
	  "reespecd gave no answer in time (systemctl status reespecd)" },
	{ STANDARD "TimedOut", REESPEC_FAILED,
	  "reespecd could not be started (systemctl status reespecd)" },
	{ STANDARD "UnknownObject", REESPEC_NOT_FOUND, NULL },
	{ STANDARD "InteractiveAuthorizationRequired", REESPEC_DENIED,
	  "this needs a password, and no agent of polkit is here to ask for it" },
};

/* What to do; with @option where the command has it and it was not given. */
static const struct {
	const char *name;
	const char *option;
	const char *text;
} cures[] = {
	{ OURS "NoRecord", NULL, "reespec log shows the newest" },
	{ OURS "WrongKind", NULL, "reespec log tells the kind of each" },
	{ OURS "Busy", "queue", "--queue waits behind others" },
	{ OURS "Busy", NULL, "try again when that is over" },
	{ OURS "NoDevice", "queue", "--queue waits for it" },
	{ OURS "NoDevice", NULL, "reespec doctor looks for the cause" },
	{ OURS "NotSettled", "wait", "--wait measures when it is" },
	{ OURS "NotSettled", NULL, "try again when it is" },
	{ OURS "Fault", NULL, "reespec doctor looks for the cause" },
	{ OURS "Ledger", NULL, "reespec doctor looks for the cause" },
	{ OURS "NoSpectrum", NULL, "the sample has to be measured again" },
	{ OURS "NotFitted", NULL, "reespec plot shows the spectrum" },
	{ STANDARD "Disconnected", NULL, "systemctl status dbus" },
	{ OURS "Full", NULL,
	  "make room on that disk; reespec archive moves old records away" },
};

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

static bool is_measuring(const char *member)
{
	static const char *const names[] = { "Measure", "Reprocess", NULL };

	return is_one_of(member, names);
}

/* What is for the operator of an assay, whatever groups others are in. */
static bool is_ending(const char *member)
{
	static const char *const names[] = { "Finish", "Cancel", NULL };

	return is_one_of(member, names);
}

/* What the policy of polkit leaves to administrators. */
static bool is_administering(const char *member)
{
	static const char *const names[] = { "Configure",  "Calibrate",
					     "Forget",	   "RotateKey",
					     "Archivable", "Archive",
					     NULL };

	return is_one_of(member, names);
}

/* Root passes every policy, in groups or not. */
static bool is_missing(const char *group)
{
	return geteuid() != 0 && membership_of(group) != MEMBERSHIP_MEMBER;
}

/* Asked for a password where being in a group would do. */
static bool is_in_need(const char *member, const char *name)
{
	return !strcmp(name, STANDARD "InteractiveAuthorizationRequired") &&
	       is_measuring(member) && is_missing("reespec-operator");
}

static void explain_group(const char *group, char *text, size_t size)
{
	const enum membership m = membership_of(group);
	char cure[200];

	membership_cure(group, m, cure, sizeof(cure));
	snprintf(text, size, "%s group %s%s: %s",
		 m == MEMBERSHIP_NO_GROUP ? "there is no"
		 : m == MEMBERSHIP_LATER  ? "you were put into"
					  : "you are not in",
		 group, m == MEMBERSHIP_LATER ? " after you had logged in" : "",
		 cure);
}

/* Who may, where groups are not what is missing. */
static const char *who_may(const char *member)
{
	if (is_ending(member))
		return "its operator may, or root by sudo";
	if (is_administering(member) && geteuid() != 0)
		return "an administrator may, by sudo";
	return "reespec doctor looks for the cause";
}

static enum reespec_exit explain_denial(const char *member, const char *message,
					char *text, size_t size)
{
	const char *group = is_measuring(member) && !is_missing("reespec")
				    ? "reespec-operator"
				    : "reespec";

	/* Whoever measures may ask to end an assay, too. */
	if (is_missing(group) &&
	    !(is_ending(member) && !is_missing("reespec-operator")))
		explain_group(group, text, size);
	else
		snprintf(text, size, "denied: %s (%s)", message,
			 who_may(member));
	return REESPEC_DENIED;
}

bool bus_error_is_about_order(const char *name)
{
	static const char *const names[] = { "BadSample", "BadOption",
					     "UnknownMethod", "BadMethod",
					     NULL };

	return is_one_of(name, names);
}

static bool could_have(const struct args *args, const char *option)
{
	return args_takes(args, option) && !args_has(args, option);
}

static bool is_spawning(const char *name)
{
	return !strncmp(name, STANDARD "Spawn.", strlen(STANDARD "Spawn."));
}

/* The service is on the system bus; on another somebody runs it by hand. */
static const char *cure_absence(const struct args *args)
{
	if (args->bus && strcmp(args->bus, "system") != 0)
		return "without --bus it is the system bus, where its service is";
	return "systemctl start reespecd";
}

const char *bus_error_cure(const struct args *args, const char *name)
{
	if (name && (!strcmp(name, STANDARD "ServiceUnknown") ||
		     !strcmp(name, STANDARD "NameHasNoOwner")))
		return cure_absence(args);
	if (name && is_spawning(name))
		return "systemctl status reespecd";
	for (size_t i = 0; name && i < sizeof(cures) / sizeof(*cures); i++)
		if (!strcmp(name, cures[i].name) &&
		    (!cures[i].option || could_have(args, cures[i].option)))
			return cures[i].text;
	return NULL;
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
		snprintf(
			text, size,
			"refused, not measured: %s (reespec qc shows the checks and what to do)",
			message);
		return REESPEC_VERDICT;
	}
	if (is_spawning(name))
		snprintf(text, size, "the bus could not start reespecd: %s",
			 message);
	else
		snprintf(text, size, "%s", message);
	return REESPEC_FAILED;
}
