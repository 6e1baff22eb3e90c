// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers requests as an X-123 does, from one table of them. */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "dp5emu/instrument_internal.h"

/* What a request's handler works with. */
struct exchange {
	struct instrument *ins;
	struct wire_packet req;
	struct instrument_reply *reply;
};

typedef void (*request_fn)(struct exchange *x);

static void send(struct exchange *x, uint8_t pid1, uint8_t pid2,
		 const void *data, size_t len)
{
	x->reply->len = wire_encode(x->reply->bytes, pid1, pid2, data, len);
}

static void send_ack(struct exchange *x, uint8_t ack)
{
	send(x, 0xff, ack, NULL, 0);
}

/* Mini-X2: serial, firmware, then all monitors at zero: no tube is on. */
static void status_mini_x2(struct exchange *x)
{
	uint8_t out[STATUS_LEN] = { 0 };
	uint32_t serial = x->ins->opt.serial;

	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(serial >> (8 * i));
	out[4] = 0x20;
	out[17] = (uint8_t)lround(x->ins->supply.board_k - ZERO_K);
	out[27] = 0x10;
	out[29] = 0x10;
	send(x, 0x80, 0x02, out, sizeof(out));
}

static void answer_status(struct exchange *x)
{
	uint8_t out[STATUS_LEN];

	if (x->ins->opt.profile->is_mini_x2) {
		status_mini_x2(x);
		return;
	}
	instrument_fill_status(x->ins, out);
	send(x, 0x80, 0x01, out, sizeof(out));
}

/* ----------------------------------------------------------- spectrum */

/* PID2 of a spectrum: odd without status, even with it. */
static uint8_t spectrum_pid(const struct instrument *ins, bool has_status)
{
	uint8_t pid = 1;

	while ((size_t)256 << (pid >> 1) < ins->scene.n_chan)
		pid += 2;
	return (uint8_t)(pid + has_status);
}

static void store(struct exchange *x, size_t slot, bool clears)
{
	x->reply->hold_us = slots_store(x->ins, slot, clears);
}

static void send_slot(struct exchange *x, size_t slot, bool has_status)
{
	send(x, 0x81, spectrum_pid(x->ins, has_status), slots_at(x->ins, slot),
	     x->ins->scene.n_chan * 3 + (has_status ? STATUS_LEN : 0));
}

/* With the status that was recorded, unless none is wanted. */
static void answer_recorded(struct exchange *x)
{
	const bool has_status = x->req.pid2 == 3 || x->req.pid2 == 4;
	uint8_t out[RECORDING_MAX], pid2;
	size_t len = recording_next(x->ins->recording, out, &pid2);

	send(x, 0x81, has_status ? pid2 : (uint8_t)(pid2 - 1), out,
	     has_status ? len : len - STATUS_LEN);
}

static void answer_spectrum(struct exchange *x)
{
	if (x->ins->is_buffering) {
		send_ack(x, WIRE_ACK_BUSY);
		return;
	}
	if (x->ins->recording) {
		answer_recorded(x);
		return;
	}
	store(x, 0, !(x->req.pid2 & 1));
	send_slot(x, 0, x->req.pid2 == 3 || x->req.pid2 == 4);
}

static void answer_buffer(struct exchange *x)
{
	size_t slot = (size_t)x->req.data[0] << 8 | x->req.data[1];

	if (slot >= slots_count(x->ins)) {
		send_ack(x, WIRE_ACK_PARAMETER);
		return;
	}
	if (x->req.pid2 == 7) {
		send_slot(x, slot, true);
		return;
	}
	store(x, slot, x->req.pid2 == 6);
	send_ack(x, WIRE_ACK_OK);
}

/* ------------------------------------------------------ configuration */

static void answer_config(struct exchange *x)
{
	struct instrument *ins = x->ins;
	const char *text = (const char *)x->req.data;
	bool is_saved = x->req.pid2 == 2;
	struct config_answer answer;

	config_apply(&ins->config, text, x->req.len, &answer);
	if (answer.n_good) {
		instrument_apply_config(ins, answer.is_mcae_set);
		if (is_saved)
			x->reply->deaf_us =
				flash_save(&ins->flash, &ins->config, text,
					   x->req.len, &ins->rng);
	}
	send(x, 0xff, (uint8_t)answer.ack, answer.echo, answer.echo_len);
}

static void answer_read_back(struct exchange *x)
{
	char out[CONFIG_READ_MAX];
	size_t len = config_read(&x->ins->config, (const char *)x->req.data,
				 x->req.len, out);

	send(x, 0x82, 0x07, out, len);
}

/* ------------------------------------------------------- small requests */

static void answer_clear(struct exchange *x)
{
	instrument_clear(x->ins);
	list_clear(&x->ins->list);
	send_ack(x, WIRE_ACK_OK);
}

static void answer_enable(struct exchange *x)
{
	acquire_enable(&x->ins->acquire, x->req.pid2 == 2);
	send_ack(x, WIRE_ACK_OK);
}

static void answer_ok(struct exchange *x)
{
	send_ack(x, WIRE_ACK_OK);
}

static void count_change(struct instrument *ins, int line)
{
	const double since_us = ins->now_us - ins->io_changed_us[line];
	const unsigned int n = ins->n_io_changes[line]++;

	if (n == 1 || (n && since_us < ins->io_least_us[line]))
		ins->io_least_us[line] = since_us;
	ins->io_changed_us[line] = ins->now_us;
}

static void answer_io(struct exchange *x)
{
	const uint8_t changed = x->ins->io_nibble ^ x->req.data[0];

	for (int i = 0; i < 4; i++) {
		if (changed >> i & 1)
			count_change(x->ins, i);
	}
	x->ins->io_nibble = x->req.data[0] & 15;
	x->ins->n_io_writes++;
	send_ack(x, WIRE_ACK_OK);
}

static void answer_clear_gp(struct exchange *x)
{
	x->ins->gp_count = 0;
	send_ack(x, WIRE_ACK_OK);
}

static void answer_buffering(struct exchange *x)
{
	if (x->req.pid2 == 0x1e)
		slots_restart(x->ins);
	else
		slots_cancel(x->ins);
	send_ack(x, WIRE_ACK_OK);
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void answer_pulser(struct exchange *x)
{
	const uint8_t *d = x->req.data;
	struct pulser *p = &x->ins->pulser;

	if (x->req.len && x->req.len != 8) {
		send_ack(x, WIRE_ACK_LEN);
		return;
	}
	p->is_on = x->req.len;
	if (p->is_on)
		*p = (struct pulser){ true, be16(d), be16(d + 2), be16(d + 4),
				      be16(d + 6) };
	instrument_update_scene(x->ins);
	send_ack(x, WIRE_ACK_OK);
}

static void answer_comm_test(struct exchange *x)
{
	send_ack(x, x->req.pid2);
}

static void answer_echo(struct exchange *x)
{
	send(x, 0x8f, 0x7f, x->req.data, x->req.len);
}

static void answer_no_scope(struct exchange *x)
{
	send_ack(x, WIRE_ACK_NO_SCOPE);
}

/* FPGA 7.03 and later have no list mode. */
static void answer_list(struct exchange *x)
{
	const struct profile *p = x->ins->opt.profile;
	uint8_t out[LIST_BYTES];
	bool was_full = list_is_full(&x->ins->list);

	if (p->fpga_major > 7 || (p->fpga_major == 7 && p->fpga_minor >= 3)) {
		send_ack(x, WIRE_ACK_FPGA_VERSION);
		return;
	}
	send(x, 0x82, was_full ? 0x0b : 0x0a, out,
	     list_take(&x->ins->list, out));
}

static void answer_list_sync(struct exchange *x)
{
	list_sync(&x->ins->list, x->ins->now_us);
	send_ack(x, WIRE_ACK_OK);
}

static void answer_misc(struct exchange *x)
{
	send(x, 0x82, 0x02, x->ins->misc, MISC_LEN);
}

static void answer_set_misc(struct exchange *x)
{
	memcpy(x->ins->misc, x->req.data, MISC_LEN);
	x->reply->deaf_us = FLASH_WRITE_US;
	send_ack(x, WIRE_ACK_OK);
}

/* The answers' lengths are checked against the row before its function. */
struct request_row {
	uint8_t pid1;
	uint8_t first, last; /* PID2 */
	uint16_t min_len, max_len;
	bool is_mini_x2; /* the tube controller has it too */
	uint32_t since;
	request_fn fn;
};

/* clang-format off */
static const struct request_row requests[] = {
	{ 0x01, 0x01, 0x01, 0, 0, true, 0, answer_status },
	{ 0x02, 0x01, 0x04, 0, 0, false, 0, answer_spectrum },
	{ 0x02, 0x05, 0x07, 2, 2, false, PROFILE_FW(6, 8, 0), answer_buffer },
	{ 0x03, 0x01, 0x01, 0, 0, false, 0, answer_no_scope },
	{ 0x03, 0x02, 0x02, 0, 0, false, 0, answer_misc },
	{ 0x03, 0x03, 0x03, 0, 0, false, 0, answer_no_scope },
	{ 0x03, 0x09, 0x09, 0, 0, false, PROFILE_FW(6, 6, 5), answer_list },
	{ 0x20, 0x02, 0x02, 1, 512, false, 0, answer_config },
	{ 0x20, 0x03, 0x03, 1, 512, false, PROFILE_FW(6, 1, 0), answer_read_back },
	{ 0x20, 0x04, 0x04, 1, 512, false, PROFILE_FW(6, 8, 0), answer_config },
	{ 0xf0, 0x01, 0x01, 0, 0, false, 0, answer_clear },
	{ 0xf0, 0x02, 0x03, 0, 0, false, 0, answer_enable },
	{ 0xf0, 0x08, 0x08, 1, 1, false, 0, answer_io },
	{ 0xf0, 0x09, 0x09, 512, 512, false, 0, answer_set_misc },
	{ 0xf0, 0x10, 0x10, 0, 0, false, 0, answer_clear_gp },
	{ 0xf0, 0x16, 0x16, 0, 0, false, PROFILE_FW(6, 6, 5), answer_list_sync },
	{ 0xf0, 0x1e, 0x1f, 0, 0, false, PROFILE_FW(6, 8, 0), answer_buffering },
	{ 0xf0, 0x20, 0x22, 0, 0, true, 0, answer_ok },
	{ 0xf1, 0x00, 0x0f, 0, 0, true, 0, answer_comm_test },
	{ 0xf1, 0x7e, 0x7e, 0, 8, false, PROFILE_FW(6, 7, 4), answer_pulser },
	{ 0xf1, 0x7f, 0x7f, 0, 512, true, 0, answer_echo },
};
/* clang-format on */

static const struct request_row *find_request(const struct instrument *ins,
					      const struct wire_packet *req)
{
	const struct profile *p = ins->opt.profile;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		const struct request_row *row = &requests[i];

		if (row->pid1 != req->pid1 || req->pid2 < row->first ||
		    req->pid2 > row->last)
			continue;
		if (p->is_mini_x2 ? !row->is_mini_x2 : p->fw < row->since)
			return NULL;
		return row;
	}
	return NULL;
}

void instrument_answer(struct instrument *ins, double now_us,
		       const uint8_t *bytes, size_t n,
		       struct instrument_reply *ret)
{
	struct exchange x = { .ins = ins, .reply = ret };
	const struct request_row *row;
	int ack;

	ret->hold_us = 0;
	ret->deaf_us = 0;
	ret->len = 0;
	instrument_advance(ins, now_us);

	ack = wire_decode(bytes, n, &x.req);
	if (ack) {
		send_ack(&x, (uint8_t)ack);
		return;
	}
	row = find_request(ins, &x.req);
	if (!row)
		send_ack(&x, WIRE_ACK_PID);
	else if (x.req.len < row->min_len || x.req.len > row->max_len)
		send_ack(&x, WIRE_ACK_LEN);
	else
		row->fn(&x);
}
