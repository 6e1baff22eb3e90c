// SPDX-License-Identifier: GPL-2.0-or-later
/* The text configuration, as a method brings it and as it is read back. */
#include "proto/config.h"

#include "fuzz/fuzz.h"

/* Every packet keeps the bounds that config.h gives. */
static void pack(const struct dp5_config *c)
{
	char packet[DP5_CONFIG_PACKET_MAX + 1];
	size_t next = 0, len, n = 0;

	while (dp5_config_next_packet(c, &next, packet, &len)) {
		MUST(len && len <= DP5_CONFIG_PACKET_MAX && len % 64 != 56);
		MUST(n++ < DP5_CONFIG_COMMANDS_MAX);
	}
	next = 0;
	while (dp5_config_next_query(c, &next, packet, &len))
		MUST(len && len <= DP5_CONFIG_PACKET_MAX && len % 64 != 56);
}

/* The text and the read-back of it, parted by a NUL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dp5_config wanted, actual, again;
	static struct dp5_config_difference diff[8];
	const uint8_t *end = memchr(data, 0, size);
	size_t n = end ? (size_t)(end - data) : size;
	size_t rest = end ? size - n - 1 : 0;
	struct dp5_config_error err = { 0 };
	struct buf text = { 0 };
	bool is_wanted;

	is_wanted = dp5_config_parse((const char *)data, n, &wanted, &err) == 0;
	MUST(is_wanted || err.why[0]);
	if (is_wanted) {
		pack(&wanted);
		MUST(dp5_config_text(&wanted, &text) == 0);
		MUST(dp5_config_parse(text.data ? text.data : "", text.len,
				      &again, &err) == 0);
		MUST(again.n == wanted.n);
		MUST(dp5_config_compare(&wanted, &again, diff, 8) == 0);
	}
	buf_deinit(&text);
	if (end &&
	    dp5_config_parse_readback((const char *)end + 1, rest, &actual,
				      &err) == 0 &&
	    is_wanted)
		dp5_config_compare(&wanted, &actual, diff, 8);
	return 0;
}
