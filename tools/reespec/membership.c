// SPDX-License-Identifier: GPL-2.0-or-later
/* Groups of the process and of the user beside each other. */
#include "reespec/membership.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GROUPS_MAX 256

static bool is_in(const struct group *group)
{
	bool is = getegid() == group->gr_gid;
	gid_t gids[GROUPS_MAX];
	int n = getgroups(GROUPS_MAX, gids);

	for (int i = 0; i < n && !is; i++)
		is = gids[i] == group->gr_gid;
	return is;
}

static bool is_listed(const struct group *group)
{
	const struct passwd *user = getpwuid(geteuid());

	for (char **member = group->gr_mem; user && *member; member++)
		if (!strcmp(*member, user->pw_name))
			return true;
	return false;
}

enum membership membership_of(const char *name)
{
	const struct group *group = getgrnam(name);

	if (!group)
		return MEMBERSHIP_NO_GROUP;
	if (geteuid() == 0 || is_in(group))
		return MEMBERSHIP_MEMBER;
	return is_listed(group) ? MEMBERSHIP_LATER : MEMBERSHIP_STRANGER;
}

void membership_cure(const char *group, enum membership m, char *text,
		     size_t size)
{
	if (m == MEMBERSHIP_MEMBER)
		snprintf(text, size, "%s", "");
	else if (m == MEMBERSHIP_LATER)
		snprintf(text, size, "log in again");
	else if (m == MEMBERSHIP_NO_GROUP)
		snprintf(text, size, "sudo systemd-sysusers");
	else
		snprintf(text, size,
			 "sudo usermod -aG %s $USER, then log in again", group);
}
