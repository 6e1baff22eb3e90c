/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The contract of dp5.h carried over a SOCK_SEQPACKET socket, for an
 * instrument in software.
 *
 * The client sends one packet a call: struct dp5_sock_call, the ioctl's
 * struct, and for DP5_IOC_TRANSACT the tx_len payload bytes; tx_ptr and
 * rx_ptr are ignored. The server answers each call with one packet:
 * struct dp5_sock_msg of kind REPLY, the ioctl's struct as the ioctl would
 * have left it, and for DP5_IOC_TRANSACT the rx_len bytes of the reply.
 * Subscribed frames come as packets of kind FRAME: struct dp5_sock_msg, then
 * one record exactly as read() returns it. Answers keep the order of calls;
 * frames may come between them. A closed socket is an unplugged instrument.
 */
#ifndef _UAPI_DP5_SOCKET_H
#define _UAPI_DP5_SOCKET_H

#include "dp5.h"

/* Longest packet: a header, a frame header and 8192 channels with status. */
#define DP5_SOCK_PACKET_MAX	65536

/**
 * struct dp5_sock_call - head of a packet to the instrument
 * @cmd: the ioctl's number, such as DP5_IOC_GET_INFO.
 * @len: bytes that follow this head.
 * @cookie: returned in the answer.
 */
struct dp5_sock_call {
	__u32 cmd;
	__u32 len;
	__aligned_u64 cookie;
};

#define DP5_SOCK_REPLY		1
#define DP5_SOCK_FRAME		2

/**
 * struct dp5_sock_msg - head of a packet from the instrument
 * @kind: DP5_SOCK_REPLY or DP5_SOCK_FRAME.
 * @result: 0 or a negative errno; 0 for a frame.
 * @len: bytes that follow this head; 0 when @result is negative.
 * @reserved: zero.
 * @cookie: that of the call; 0 for a frame.
 */
struct dp5_sock_msg {
	__u32 kind;
	__s32 result;
	__u32 len;
	__u32 reserved;
	__aligned_u64 cookie;
};

#endif /* _UAPI_DP5_SOCKET_H */
