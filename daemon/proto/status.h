/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 64 status bytes of a DP5-family instrument as a struct. */
#ifndef DAEMON_PROTO_STATUS_H
#define DAEMON_PROTO_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DP5_STATUS_SERIAL_NONE UINT32_MAX

enum dp5_device {
	DP5_DEVICE_DP5 = 0, /* and every X-123 */
	DP5_DEVICE_PX5 = 1,
	DP5_DEVICE_DP5G = 2,
	DP5_DEVICE_MCA8000D = 3,
	DP5_DEVICE_TB5 = 4,
	DP5_DEVICE_DP5X = 5,
};

/*
 * Reserved bits are masked away: they are not zero on real instruments.
 * What an instrument does not have reads as the wire says; the comments tell
 * when a field means nothing.
 */
struct dp5_status {
	uint32_t fast_count;
	uint32_t slow_count;
	uint32_t gp_count;
	uint64_t acc_ms; /* accumulation time */
	uint32_t live_ms; /* MCA8000D only, else 0 */
	uint32_t real_ms; /* wraps after 49.7 days */
	uint8_t fw_major, fw_minor, fw_build; /* build 0 before 6.06 */
	uint8_t fpga_major, fpga_minor;
	uint32_t serial; /* or DP5_STATUS_SERIAL_NONE */
	double hv_v;
	double detector_k;
	int board_c;
	uint8_t device; /* enum dp5_device, or another number */
	bool is_device_known;

	bool is_preset_real_reached;
	bool is_preset_live_reached; /* MCA8000D only */
	bool is_auto_threshold_locked; /* not MCA8000D */
	bool is_enabled;
	bool is_preset_count_reached;
	bool is_gate_blocking;
	bool is_scope_ready;
	bool is_configured;
	bool is_offset_searching;
	bool is_mcs_finished;
	bool is_first_since_boot;
	bool is_clock_80mhz;
	bool is_clock_auto;
	bool is_supply_present; /* PC5 or its like */
	bool is_hv_positive; /* nothing on a DP5 without supply */
	bool is_preamp_8v5; /* the same */
	bool is_buffering;
	uint16_t buffer_slot;
	uint8_t list_sync; /* 0 INT, 1 NOTIMETAG, 2 EXT, 3 FRAME */
	bool is_list_clock_1us;
	uint8_t bootloader;
	uint8_t eco;
};

/* 0, or -EBADMSG when @len is not 64. */
int dp5_status_parse(const uint8_t *data, size_t len, struct dp5_status *ret);

/*
 * Whether counting really goes on: enabled and no preset reached. The enable
 * bit alone is not enough, only the accumulation-time preset clears it.
 * @is_mcs tells that MCAS=MCS is set, where the end of a sweep counts too.
 */
bool dp5_status_acquiring(const struct dp5_status *s, bool is_mcs);

/*
 * 1 - slow/fast, the maker's estimate, clamped to 0..1; NAN without counts.
 * *ret_is_clamped (may be NULL) is true when slow exceeded fast, as happens
 * with a fast threshold set too high.
 */
double dp5_status_dead_fraction(const struct dp5_status *s,
				bool *ret_is_clamped);

/* "DP5/X-123", "PX5" ...; "unknown" for a number without a name. */
const char *dp5_device_name(uint8_t device);

#endif
