/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port as a USB/IP server, for what no gadget can do. */
#ifndef TOOLS_DP5EMU_USBIP_H
#define TOOLS_DP5EMU_USBIP_H

#include "dp5emu/link.h"
#include "dp5emu/loop.h"
#include "dp5emu/port.h"

struct usbip_options {
	int port; /* of vhci_hcd, from 0; -1: no USB/IP */
	bool is_full_speed;
	bool is_strict_zlp; /* full last packets wait for their terminator */
};

int usbip_new(struct loop *loop, struct link *link,
	      const struct usbip_options *opt, struct port **ret);

#endif /* TOOLS_DP5EMU_USBIP_H */
