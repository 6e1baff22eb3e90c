/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 64 status bytes. */
#ifndef TOOLS_DP5EMU_STATUS_H
#define TOOLS_DP5EMU_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#define STATUS_LEN 64
#define STATUS_SERIAL_NONE 0xffffffffU

/* What the bytes say, in the order of the bytes. */
struct status {
	uint32_t fast;
	uint32_t slow;
	uint32_t gp_count;
	uint64_t acc_ms;
	uint32_t unnamed; /* bytes 16 to 19, not zero on a real unit */
	uint32_t real_ms;
	uint8_t fw_major, fw_minor;
	uint8_t fpga_major, fpga_minor;
	uint32_t serial;
	double hv_v;
	double temp_k;
	int board_c;
	bool is_real_reached;
	bool is_threshold_locked;
	bool is_enabled;
	bool is_count_reached;
	bool is_gate_open;
	bool has_scope_data;
	bool is_configured;
	bool is_mcs_done;
	bool is_first;
	bool is_80_mhz;
	bool is_clock_auto;
	uint8_t build;
	bool has_pc5;
	bool is_hv_positive;
	bool is_preamp_8v5;
	uint8_t device;
	bool is_buffering;
	uint16_t slot; /* the next, of 9 bits */
	bool is_list_dtc;
	bool is_list_1us;
	uint8_t list_sync;
	bool has_reserved_bits; /* 35.0 and 43.4 read 1 */
	uint16_t an_in;
	uint8_t bootloader;
	uint8_t eco;
};

void status_pack(const struct status *st, uint8_t out[static STATUS_LEN]);

#endif /* TOOLS_DP5EMU_STATUS_H */
