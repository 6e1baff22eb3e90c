/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port socket: driver/uapi/dp5_socket.h served from the link. */
#ifndef TOOLS_DP5EMU_SOCKET_H
#define TOOLS_DP5EMU_SOCKET_H

#include "dp5emu/link.h"
#include "dp5emu/loop.h"
#include "dp5emu/port.h"

/* Serve @path, which is borrowed; an old socket file there is replaced. */
int socket_new(struct loop *loop, struct link *link, const char *path,
	       struct port **ret);

#endif /* TOOLS_DP5EMU_SOCKET_H */
