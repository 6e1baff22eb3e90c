/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether whoever runs this program is in a group, and what makes a member. */
#ifndef TOOLS_REESPEC_MEMBERSHIP_H
#define TOOLS_REESPEC_MEMBERSHIP_H

#include <stddef.h>

enum membership {
	MEMBERSHIP_MEMBER, /* root is one of all there are */
	MEMBERSHIP_LATER, /* put into it after the log-in */
	MEMBERSHIP_STRANGER,
	MEMBERSHIP_NO_GROUP,
};

enum membership membership_of(const char *group);

/* What makes a member of somebody who is @m: commands, or "" for a member. */
void membership_cure(const char *group, enum membership m, char *text,
		     size_t size);

#endif
