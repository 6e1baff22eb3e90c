/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port as a USB gadget. */
#ifndef TOOLS_DP5EMU_FFS_H
#define TOOLS_DP5EMU_FFS_H

#include "dp5emu/link.h"
#include "dp5emu/loop.h"
#include "dp5emu/port.h"

struct ffs_options {
	const char *name; /* of gadget, function and mount point */
	const char *udc; /* NULL: the only one of the machine */
	bool is_strict_zlp; /* full last packets wait for their terminator */
};

/*
 * Make the gadget with configfs and serve its endpoints; freeing the port
 * takes all of it away again. The options' strings are borrowed. On failure
 * the reason has been printed.
 */
int ffs_new(struct loop *loop, struct link *link, const struct ffs_options *opt,
	    struct port **ret);

/*
 * Tell functionfs of the instrument's two endpoints, at both speeds; returns 0
 * or a negative errno. The addresses are asked for as they are on the
 * instrument; without VIRTUAL_ADDR the controller may choose others, and hosts
 * take them from the descriptors.
 */
int ffs_write_descs(int ep0_fd);

#endif /* TOOLS_DP5EMU_FFS_H */
