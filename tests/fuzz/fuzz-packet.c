// SPDX-License-Identifier: GPL-2.0-or-later
/* A reply as it arrives, and the request it is held against. */
#include "packet.c"
#include "requests.c"

#include "fuzz/fuzz.h"

/* Byte 0 is the length of the request that opens the input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static u8 again[65536 + DP5_PACKET_OVERHEAD];
	const struct dp5_request *r = NULL;
	struct dp5_packet tx, rx;
	size_t n;

	if (size < 1)
		return 0;
	n = data[0];
	data++;
	size--;
	if (n > size)
		n = size;
	if (dp5_packet_parse(data, n, &tx) == DP5_PACKET_WHOLE) {
		MUST(dp5_packet_build(again, tx.pid1, tx.pid2, tx.data,
				      tx.len) == n);
		MUST(!memcmp(again, data, n));
		r = dp5_request_find(tx.pid1, tx.pid2);
	}
	if (r) {
		dp5_request_check(r, tx.data, tx.len);
		dp5_request_class(r, tx.data, tx.len);
		dp5_request_reply_max(r);
	}
	if (dp5_packet_parse(data + n, size - n, &rx) != DP5_PACKET_WHOLE)
		return 0;
	MUST(rx.len + (size_t)DP5_PACKET_OVERHEAD == size - n);
	if (!dp5_packet_len_fits(&rx))
		return 0;
	if (dp5_packet_channels(&rx))
		MUST(rx.len >= 3 * dp5_packet_channels(&rx));
	if (dp5_packet_status(&rx))
		MUST(dp5_packet_status(&rx) + 64 <= rx.data + rx.len);
	if (r && dp5_request_match(r, data, n, &rx) == DP5_MATCH_REPLY)
		dp5_request_done(r, &rx);
	return 0;
}
