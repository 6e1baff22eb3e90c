/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configfs side of the USB gadget. */
#ifndef TOOLS_DP5EMU_GADGET_H
#define TOOLS_DP5EMU_GADGET_H

#include <stddef.h>

#define GADGET_PATH_MAX 256
#define GADGET_WHY_LEN 512

struct gadget {
	char dir[GADGET_PATH_MAX]; /* under usb_gadget in configfs */
	char mount[GADGET_PATH_MAX]; /* functionfs */
	char name[32];
	char udc[64];
	int claim_fd; /* held while the name is ours */
};

/*
 * Make the gadget and mount its functionfs; the endpoints' descriptors are to
 * be written next, then the gadget can be bound. On failure all is taken away
 * again and @why says what was refused.
 */
int gadget_make(struct gadget *g, const char *name, const char *udc,
		char why[static GADGET_WHY_LEN]);

/* Let the host see it, or no more. */
int gadget_bind(struct gadget *g);
void gadget_unbind(struct gadget *g);

/* Take everything away; the functionfs files must be closed. */
void gadget_remove(struct gadget *g);

#endif /* TOOLS_DP5EMU_GADGET_H */
