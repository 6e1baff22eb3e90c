/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the host is: a USB gadget, a USB/IP host or a socket. */
#ifndef TOOLS_DP5EMU_PORT_H
#define TOOLS_DP5EMU_PORT_H

#include <stdbool.h>

struct port;

struct port_ops {
	int (*plug)(struct port *p);
	void (*unplug)(struct port *p);
	void (*free)(struct port *p);
	/* Show the descriptors of a file, NULL: the instrument's, from the next
	 * plug on. Only a port that can show any has it.
	 */
	int (*describe)(struct port *p, const char *path);
};

/* The first member of each kind of port. */
struct port {
	const struct port_ops *ops;
	bool is_plugged;
};

/* Let the host see the instrument, or pull the cable; twice is once. */
static inline int port_plug(struct port *p)
{
	int r;

	if (p->is_plugged)
		return 0;
	r = p->ops->plug(p);
	p->is_plugged = r == 0;
	return r;
}

static inline void port_unplug(struct port *p)
{
	if (!p->is_plugged)
		return;
	p->is_plugged = false;
	p->ops->unplug(p);
}

/* Takes NULL; unplugs first. */
static inline void port_free(struct port *p)
{
	if (!p)
		return;
	port_unplug(p);
	p->ops->free(p);
}

#endif /* TOOLS_DP5EMU_PORT_H */
