// SPDX-License-Identifier: GPL-2.0-or-later
/* A reply as it arrives, and the request it is held against. */
#include "packet.c"
#include "requests.c"

#include "fuzz/fuzz.h"

/* Whether a text, which has passed the check, moves a supply: any command of
 * it that begins so.
 */
static bool names_a_supply(const struct dp5_request *r,
			   const struct dp5_packet *tx)
{
	static const char *const names[] = { "HVSE", "TECS", "PAPS", "RESC",
					     "BOOT" };
	bool begins = true;

	for (size_t at = 0; at < tx->len && r->flags & DP5_REQ_SETTINGS; at++) {
		for (size_t i = 0; begins && i < ARRAY_SIZE(names); i++)
			if (at + 4 <= tx->len &&
			    !memcmp(tx->data + at, names[i], 4))
				return true;
		begins = tx->data[at] == ';';
	}
	return false;
}

/* What answers a request fits the room made for it and is of its kind. */
static void try_match(const struct dp5_request *r, const u8 *tx, size_t tx_len,
		      const struct dp5_packet *rx)
{
	if (dp5_request_match(r, tx, tx_len, rx) != DP5_MATCH_REPLY)
		return;
	MUST(rx->len <= dp5_request_reply_max(r));
	if (dp5_request_done(r, rx))
		MUST(rx->pid1 == replies[r->reply].pid1 ||
		     rx->pid1 == DP5_PID1_ACK);
	else
		MUST(rx->pid1 == DP5_PID1_ACK);
	if (r->flags & DP5_REQ_ECHO && rx->pid1 != DP5_PID1_ACK)
		MUST(rx->len == tx_len && !memcmp(rx->data, tx, tx_len));
}

/* Slaves on the I2C bus that nobody may speak to. */
static bool is_of_the_board(const struct dp5_packet *tx)
{
	return tx->pid1 == 0x03 && tx->pid2 == 0x08 &&
	       memchr("\x1f\x20\x34\x4c\x50\x6d", tx->data[0], 6);
}

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
	if (r && !dp5_request_check(r, tx.data, tx.len))
		MUST(dp5_request_class(r, tx.data, tx.len) ==
		     (is_of_the_board(&tx)     ? DP5_CLASS_NEVER
		      : names_a_supply(r, &tx) ? DP5_CLASS_CONTROL
					       : r->class));
	if (dp5_packet_parse(data + n, size - n, &rx) != DP5_PACKET_WHOLE)
		return 0;
	MUST(rx.len + (size_t)DP5_PACKET_OVERHEAD == size - n);
	if (!dp5_packet_len_fits(&rx))
		return 0;
	if (dp5_packet_channels(&rx))
		MUST(rx.len >= 3 * dp5_packet_channels(&rx));
	if (dp5_packet_status(&rx))
		MUST(dp5_packet_status(&rx) + 64 <= rx.data + rx.len);
	if (r)
		try_match(r, tx.data, tx.len, &rx);
	/* And for all other requests, had they been sent without a payload. */
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		try_match(&requests[i], NULL, 0, &rx);
	try_match(&comm_test, NULL, 0, &rx);
	return 0;
}
