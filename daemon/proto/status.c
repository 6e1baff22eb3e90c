// SPDX-License-Identifier: GPL-2.0-or-later
/* The 64 status bytes; offsets and scales as the protocol's table has them. */
#include "proto/status.h"

#include <errno.h>
#include <math.h>

#define STATUS_LEN 64

static uint32_t u32_le(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static bool bit(uint8_t byte, int n)
{
	return byte >> n & 1;
}

static void parse_counters(const uint8_t *d, struct dp5_status *s)
{
	uint32_t tenths =
		(uint32_t)d[13] | (uint32_t)d[14] << 8 | (uint32_t)d[15] << 16;

	s->fast_count = u32_le(d);
	s->slow_count = u32_le(d + 4);
	s->gp_count = u32_le(d + 8);
	/* Milliseconds 0..99 and a count of 100 ms, not one number. */
	s->acc_ms = d[12] + 100 * (uint64_t)tenths;
	s->real_ms = u32_le(d + 20);
}

static void parse_identity(const uint8_t *d, struct dp5_status *s)
{
	s->fw_major = d[24] >> 4;
	s->fw_minor = d[24] & 15;
	/* The build number came with 6.06; before, the byte means nothing. */
	s->fw_build = d[24] > 0x65 ? d[37] & 15 : 0;
	s->fpga_major = d[25] >> 4;
	s->fpga_minor = d[25] & 15;
	s->serial = d[29] & 0x80 ? DP5_STATUS_SERIAL_NONE : u32_le(d + 26);
	s->device = d[39];
	s->is_device_known = d[39] <= DP5_DEVICE_DP5X;
	s->bootloader = d[48];
	s->eco = d[49];
}

static void parse_flags(const uint8_t *d, struct dp5_status *s)
{
	bool is_mca8000d = s->device == DP5_DEVICE_MCA8000D;

	s->is_preset_real_reached = bit(d[35], 7);
	s->is_preset_live_reached = is_mca8000d && bit(d[35], 6);
	s->is_auto_threshold_locked = !is_mca8000d && bit(d[35], 6);
	s->is_enabled = bit(d[35], 5);
	s->is_preset_count_reached = bit(d[35], 4);
	s->is_gate_blocking = !bit(d[35], 3); /* inverse on the wire */
	s->is_scope_ready = bit(d[35], 2);
	s->is_configured = bit(d[35], 1);

	s->is_offset_searching = bit(d[36], 7);
	s->is_mcs_finished = bit(d[36], 6);
	s->is_first_since_boot = bit(d[36], 5);
	s->is_clock_80mhz = bit(d[36], 1);
	s->is_clock_auto = bit(d[36], 0);

	s->is_supply_present = bit(d[38], 7);
	s->is_hv_positive = bit(d[38], 6);
	s->is_preamp_8v5 = bit(d[38], 5);

	s->is_list_clock_1us = bit(d[43], 2);
	s->list_sync = d[43] & 3;
	s->is_buffering = bit(d[46], 1);
	s->buffer_slot = (uint16_t)((d[46] & 1) << 8 | d[47]);
}

int dp5_status_parse(const uint8_t *data, size_t len, struct dp5_status *ret)
{
	struct dp5_status s = { 0 };

	if (len != STATUS_LEN)
		return -EBADMSG;

	parse_counters(data, &s);
	parse_identity(data, &s);
	parse_flags(data, &s);
	/* Not unused elsewhere: real X-123 return something there. */
	if (s.device == DP5_DEVICE_MCA8000D)
		s.live_ms = u32_le(data + 16);
	s.hv_v = 0.5 * (int16_t)(data[30] << 8 | data[31]);
	s.detector_k = 0.1 * ((data[32] & 15) << 8 | data[33]);
	s.board_c = (int8_t)data[34];
	*ret = s;
	return 0;
}

bool dp5_status_acquiring(const struct dp5_status *s, bool is_mcs)
{
	if (!s->is_enabled || s->is_preset_real_reached ||
	    s->is_preset_count_reached || s->is_preset_live_reached)
		return false;
	return !(is_mcs && s->is_mcs_finished);
}

double dp5_status_dead_fraction(const struct dp5_status *s,
				bool *ret_is_clamped)
{
	if (ret_is_clamped)
		*ret_is_clamped = s->slow_count > s->fast_count;
	if (s->slow_count > s->fast_count)
		return 0;
	if (!s->fast_count)
		return NAN;
	return 1.0 - (double)s->slow_count / s->fast_count;
}

const char *dp5_device_name(uint8_t device)
{
	static const char *const names[] = {
		[DP5_DEVICE_DP5] = "DP5/X-123",
		[DP5_DEVICE_PX5] = "PX5",
		[DP5_DEVICE_DP5G] = "DP5G",
		[DP5_DEVICE_MCA8000D] = "MCA8000D",
		[DP5_DEVICE_TB5] = "TB-5",
		[DP5_DEVICE_DP5X] = "DP5-X",
	};

	return device <= DP5_DEVICE_DP5X ? names[device] : "unknown";
}
