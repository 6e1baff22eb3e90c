/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events for tracing: each request, its end, and each step of a recovery.
 * A device is named by its numbers on the bus, which it has before a node.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dp5

#if !defined(DRIVER_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DRIVER_TRACE_H

#include <linux/tracepoint.h>

#include "dp5.h"

/* clang-format off */

TRACE_EVENT(dp5_request,
	    TP_PROTO(const struct dp5_device *dp5,
		     const struct dp5_exchange *x),
	    TP_ARGS(dp5, x),
	    TP_STRUCT__entry(
		    __field(int, busnum)
		    __field(int, devnum)
		    __field(u8, pid1)
		    __field(u8, pid2)
		    __field(u16, len)
	    ),
	    TP_fast_assign(
		    __entry->busnum = dp5->udev->bus->busnum;
		    __entry->devnum = dp5->udev->devnum;
		    __entry->pid1 = x->pid1;
		    __entry->pid2 = x->pid2;
		    __entry->len = x->tx_len;
	    ),
	    TP_printk("%d-%d %02x/%02x len=%u", __entry->busnum,
		      __entry->devnum, __entry->pid1, __entry->pid2,
		      __entry->len)
);

/* The end of a request; reply identifiers are 0 where none came. */
TRACE_EVENT(dp5_reply,
	    TP_PROTO(const struct dp5_device *dp5, const struct dp5_exchange *x,
		     const struct dp5_packet *reply),
	    TP_ARGS(dp5, x, reply),
	    TP_STRUCT__entry(
		    __field(int, busnum)
		    __field(int, devnum)
		    __field(u8, pid1)
		    __field(u8, pid2)
		    __field(u8, reply_pid1)
		    __field(u8, reply_pid2)
		    __field(u16, len)
		    __field(int, result)
		    __field(s64, us)
	    ),
	    TP_fast_assign(
		    __entry->busnum = dp5->udev->bus->busnum;
		    __entry->devnum = dp5->udev->devnum;
		    __entry->pid1 = x->pid1;
		    __entry->pid2 = x->pid2;
		    __entry->reply_pid1 = reply ? reply->pid1 : 0;
		    __entry->reply_pid2 = reply ? reply->pid2 : 0;
		    __entry->len = reply ? reply->len : 0;
		    __entry->result = x->result;
		    __entry->us = x->t_req.mono ?
					  ktime_us_delta(x->t_done.mono,
							 x->t_req.mono) :
					  0;
	    ),
	    TP_printk("%d-%d %02x/%02x -> %02x/%02x len=%u result=%d us=%lld",
		      __entry->busnum, __entry->devnum, __entry->pid1,
		      __entry->pid2, __entry->reply_pid1, __entry->reply_pid2,
		      __entry->len, __entry->result, __entry->us)
);

/* A step of a recovery (1 drain, 2 clear-halt, 3 port reset) and its end. */
TRACE_EVENT(dp5_recovery,
	    TP_PROTO(const struct dp5_device *dp5, unsigned int step,
		     int result),
	    TP_ARGS(dp5, step, result),
	    TP_STRUCT__entry(
		    __field(int, busnum)
		    __field(int, devnum)
		    __field(unsigned int, step)
		    __field(int, result)
	    ),
	    TP_fast_assign(
		    __entry->busnum = dp5->udev->bus->busnum;
		    __entry->devnum = dp5->udev->devnum;
		    __entry->step = step;
		    __entry->result = result;
	    ),
	    TP_printk("%d-%d step=%u result=%d", __entry->busnum,
		      __entry->devnum, __entry->step, __entry->result)
);

/* clang-format on */

#endif /* DRIVER_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
