// SPDX-License-Identifier: GPL-2.0-or-later
/* Lays out the 64 status bytes. */
#include "dp5emu/status.h"

#include <math.h>
#include <string.h>

static void put_le(uint8_t *out, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

static void put_be16(uint8_t *out, uint16_t v)
{
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
}

static uint8_t nibbles(unsigned int high, unsigned int low)
{
	return (uint8_t)((high & 15) << 4 | (low & 15));
}

static uint8_t bit(bool is_set, int n)
{
	return (uint8_t)((is_set ? 1 : 0) << n);
}

void status_pack(const struct status *st, uint8_t out[static STATUS_LEN])
{
	memset(out, 0, STATUS_LEN);
	put_le(out + 0, st->fast, 4);
	put_le(out + 4, st->slow, 4);
	put_le(out + 8, st->gp_count, 4);
	out[12] = (uint8_t)(st->acc_ms % 100);
	put_le(out + 13, st->acc_ms / 100, 3);
	put_le(out + 16, st->unnamed, 4);
	put_le(out + 20, st->real_ms, 4);
	out[24] = nibbles(st->fw_major, st->fw_minor);
	out[25] = nibbles(st->fpga_major, st->fpga_minor);
	put_le(out + 26, st->serial, 4);
	put_be16(out + 30, (uint16_t)(int16_t)lround(st->hv_v * 2));
	put_be16(out + 32, (uint16_t)lround(st->temp_k * 10) & 0xfff);
	out[34] = (uint8_t)(int8_t)st->board_c;
	out[35] = bit(st->is_real_reached, 7) |
		  bit(st->is_threshold_locked, 6) | bit(st->is_enabled, 5) |
		  bit(st->is_count_reached, 4) | bit(st->is_gate_open, 3) |
		  bit(st->has_scope_data, 2) | bit(st->is_configured, 1) |
		  bit(st->has_reserved_bits, 0);
	out[36] = bit(st->is_mcs_done, 6) | bit(st->is_first, 5) |
		  bit(st->is_80_mhz, 1) | bit(st->is_clock_auto, 0);
	out[37] = st->build & 15;
	out[38] = bit(st->has_pc5, 7) | bit(st->is_hv_positive, 6) |
		  bit(st->is_preamp_8v5, 5);
	out[39] = st->device;
	out[43] = bit(st->has_reserved_bits, 4) | bit(st->is_list_dtc, 3) |
		  bit(st->is_list_1us, 2) | (st->list_sync & 3);
	put_be16(out + 44, st->an_in & 0x3ff);
	out[46] = bit(st->is_buffering, 1) | bit(st->slot >> 8 & 1, 0);
	out[47] = (uint8_t)st->slot;
	out[48] = st->bootloader;
	out[49] = st->eco;
}
