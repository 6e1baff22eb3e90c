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

#endif /* TOOLS_DP5EMU_FFS_H */
