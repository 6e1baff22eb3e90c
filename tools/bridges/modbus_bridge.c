// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a write of the PLC means to the line, what the line asks of the daemon,
 * and what of all that the registers show.
 */
#include "bridges/modbus_bridge.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"
#include "bridges/modbus_daemon.h"
#include "bridges/modbus_line.h"
#include "bridges/modbus_server.h"

#define TICK_NS 1000000000ULL

/* Of the protocol: what is wrong with the address, with the value, not now. */
enum { ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3, SERVER_BUSY = 6 };

struct bridge {
	const struct modbus_config *config;
	struct server *server;
	struct daemon *daemon;
	struct line line;
	struct map_values values;
	enum map_fault instrument; /* why it cannot measure */
	enum map_fault ended; /* why the assay has no result */
	bool is_passed;
	/* A coil was 0 since the start of the process, or the last refusal:
	 * only then is 1 an order. A PLC that writes its image again and again
	 * must not start twice. */
	bool is_armed[MAP_N_COILS];
	uint64_t tick_ns;
	uint64_t heard_ns; /* from the PLC */
	bool is_silent;
};

/* ---- orders -------------------------------------------------------------------- */

static int exception_of(enum line_refusal refusal)
{
	switch (refusal) {
	case LINE_OK:
		return 0;
	case LINE_REFUSE_CONFIG:
		return ILLEGAL_ADDRESS;
	case LINE_REFUSE_SAMPLE:
	case LINE_REFUSE_METHOD:
	case LINE_REFUSE_SEVERAL:
		return ILLEGAL_VALUE;
	default:
		return SERVER_BUSY;
	}
}

static void forget_result(struct bridge *b)
{
	struct map_values *v = &b->values;

	v->sequence = 0;
	v->grade = 0;
	v->verdict = MAP_VERDICT_NONE;
	v->decided_s = NAN;
	b->is_passed = false;
	for (size_t i = 0; i < v->n_quantities; i++)
		v->quantity[i] = (struct map_quantity){ NAN, NAN, NAN };
}

static void do_action(struct bridge *b, enum line_action action)
{
	const uint16_t *holding = server_holding(b->server);
	struct daemon_order order = { 0 };

	switch (action) {
	case LINE_NO_ACTION:
		break;
	case LINE_MEASURE:
		forget_result(b);
		map_sample(holding + MAP_SAMPLE, b->values.sample);
		b->values.method = holding[MAP_METHOD];
		order.sample = b->values.sample;
		order.method = b->config->methods[holding[MAP_METHOD] - 1];
		order.live_s = holding[MAP_PRESET];
		daemon_measure(b->daemon, &order);
		break;
	case LINE_CANCEL:
		daemon_cancel(b->daemon);
		break;
	case LINE_ACK:
		daemon_ack(b->daemon);
		break;
	}
}

static enum line_refusal move(struct bridge *b, enum line_event event)
{
	struct line_answer answer = line_move(&b->line, event);

	do_action(b, answer.action);
	return answer.refusal;
}

/* What start would measure; the state itself is the line's to judge. */
static enum line_refusal check_order(struct bridge *b)
{
	const uint16_t *holding = server_holding(b->server);
	char sample[MAP_SAMPLE_SIZE];

	if (map_sample(holding + MAP_SAMPLE, sample) < 0)
		return LINE_REFUSE_SAMPLE;
	if (holding[MAP_METHOD] < 1 ||
	    holding[MAP_METHOD] > b->config->n_methods)
		return LINE_REFUSE_METHOD;
	return LINE_OK;
}

static enum line_refusal order(struct bridge *b, unsigned int coil)
{
	static const enum line_event events[MAP_N_COILS] = {
		[MAP_START] = LINE_START,
		[MAP_ABORT] = LINE_ABORT,
		[MAP_ACKNOWLEDGE] = LINE_ACKNOWLEDGE,
	};
	enum line_refusal refusal = LINE_OK;

	if (!(b->config->orders & 1U << coil))
		return LINE_REFUSE_CONFIG;
	if (!b->is_armed[coil])
		return LINE_REFUSE_UNARMED;
	if (coil == MAP_START && b->line.state == LINE_READY)
		refusal = check_order(b);
	return refusal ? refusal : move(b, events[coil]);
}

/* The one coil that goes from 0 to 1; MAP_N_COILS: none; -1: several. */
static int edge(struct bridge *b, const struct map_request *request)
{
	const uint8_t *coils = server_coils(b->server);
	int coil = MAP_N_COILS;

	for (int i = 0; i < request->count; i++) {
		if (!map_bit(request, (size_t)i) || coils[request->address + i])
			continue;
		if (coil != MAP_N_COILS)
			return -1;
		coil = request->address + i;
	}
	return coil;
}

/* What orders nothing leaves the last refusal to be read. */
static enum line_refusal write_coils(struct bridge *b,
				     const struct map_request *request)
{
	const int coil = edge(b, request);
	enum line_refusal refusal = LINE_OK;

	if (coil != MAP_N_COILS) {
		refusal = coil < 0 ? LINE_REFUSE_SEVERAL
				   : order(b, (unsigned int)coil);
		b->values.refusal = (uint16_t)refusal;
	}
	for (size_t i = 0; i < request->count; i++)
		if (!map_bit(request, i))
			b->is_armed[request->address + i] = true;
		else if (refusal)
			b->is_armed[request->address + i] = false;
	return refusal;
}

static enum line_refusal write_holding(struct bridge *b,
				       const struct map_request *request)
{
	const uint16_t *holding = server_holding(b->server);
	enum line_refusal refusal = LINE_OK;

	if (!(b->config->orders & 1U << MAP_START))
		refusal = LINE_REFUSE_CONFIG;
	for (size_t i = 0; !refusal && i < request->count; i++)
		if (map_register(request, i) != holding[request->address + i])
			refusal = move(b, LINE_CHANGE);
	if (refusal)
		b->values.refusal = (uint16_t)refusal;
	return refusal;
}

static void heard(struct bridge *b)
{
	b->heard_ns = clock_monotonic_ns();
	if (b->is_silent)
		log_notice("the PLC is heard again");
	b->is_silent = false;
}

static int on_write(void *arg, const struct map_request *request)
{
	const bool is_coil = request->function == 5 || request->function == 15;
	struct bridge *b = arg;
	enum line_refusal refusal;

	heard(b);
	refusal = is_coil ? write_coils(b, request) : write_holding(b, request);
	return exception_of(refusal);
}

/* ---- values -------------------------------------------------------------------- */

static enum map_verdict verdict_of(const json_t *result)
{
	static const char *const words[] = {
		[MAP_VERDICT_ACCEPTED] = "accepted",
		[MAP_VERDICT_QUESTIONABLE] = "questionable",
		[MAP_VERDICT_REJECTED] = "rejected",
	};
	const char *verdict = js_text(result, "verdict");

	for (size_t i = 1; i < ARRAY_SIZE(words); i++)
		if (!strcmp(verdict, words[i]))
			return (enum map_verdict)i;
	return MAP_VERDICT_NONE;
}

/* A quantity is the symbol of an element, or the name of a sum. */
static const json_t *find(const json_t *result, const char *name)
{
	const json_t *elements = js_get(result, "elements");

	for (size_t i = 0; i < js_len(elements); i++)
		if (!strcmp(js_text(js_at(elements, i), "symbol"), name))
			return js_at(elements, i);
	return js_get(js_get(result, "sums"), name);
}

static void show_result(struct bridge *b, const json_t *result)
{
	struct map_values *v = &b->values;
	const json_t *decision = js_get(result, "decision");
	uint32_t grade = 0;

	forget_result(b);
	js_get_u64(result, "seq", &v->sequence);
	v->verdict = verdict_of(result);
	v->live_s = js_number(result, "live_s");
	v->dead = js_number(result, "dead");
	v->decided_s = js_number(decision, "live_s");
	if (js_get_uint(decision, "grade", &grade) >= 0)
		v->grade = (uint16_t)grade;
	b->is_passed =
		v->verdict == MAP_VERDICT_ACCEPTED &&
		(!decision || !strcmp(js_text(decision, "outcome"), "pass"));
	for (size_t i = 0; i < v->n_quantities; i++) {
		const json_t *q = find(result, b->config->quantities[i]);

		v->quantity[i].content = (float)js_number(q, "content_mg_kg");
		v->quantity[i].u = (float)js_number(q, "u_mg_kg");
		v->quantity[i].ld = (float)js_number(q, "ld_mg_kg");
	}
}

/* Sample and method as the record has them: another process ordered it. */
static void show_order(struct bridge *b, const json_t *body)
{
	const char *method = js_text(js_get(body, "method"), "name");

	js_copy_text(body, "sample", b->values.sample,
		     sizeof(b->values.sample));
	b->values.method = 0;
	for (size_t i = 0; i < b->config->n_methods; i++)
		if (!strcmp(method, b->config->methods[i]))
			b->values.method = (uint16_t)(i + 1);
}

static void on_event(void *arg, enum line_event event, enum map_fault fault,
		     const json_t *body)
{
	struct bridge *b = arg;
	const enum line_state before = b->line.state;

	if (event == LINE_CAN || event == LINE_CANNOT)
		b->instrument = fault;
	move(b, event);
	if (b->line.state == before)
		return;
	if (body) {
		forget_result(b);
		show_order(b, body);
	}
	if (b->line.state == LINE_DONE)
		show_result(b, body);
	/* Nothing is open any more: what was ordered did not arrive. */
	if (b->line.state == LINE_FAULT)
		b->ended = event == LINE_NOTHING ? MAP_FAULT_LOST : fault;
	if (b->line.state == LINE_FAULT && event == LINE_FAILED)
		js_get_u64(body, "seq", &b->values.sequence);
}

static bool is_open(const struct bridge *b)
{
	return b->line.state == LINE_STARTING ||
	       b->line.state == LINE_ABORTING || b->line.state == LINE_BUSY ||
	       b->line.state == LINE_UNKNOWN;
}

static enum map_fault fault_now(const struct bridge *b)
{
	switch (b->line.state) {
	case LINE_OFFLINE:
	case LINE_UNKNOWN:
		return MAP_FAULT_OFFLINE;
	case LINE_AWAY:
		return b->instrument ? b->instrument : MAP_FAULT_ABSENT;
	case LINE_FAULT:
		return b->ended;
	default:
		return MAP_FAULT_NONE;
	}
}

static void show_progress(struct bridge *b)
{
	const struct daemon_progress *p = daemon_progress(b->daemon);
	struct map_values *v = &b->values;

	v->progress = is_open(b)		   ? p->fraction
		      : b->line.state == LINE_DONE ? 1
						   : 0;
	if (!is_open(b))
		return;
	v->live_s = p->live_s;
	v->input_cps = p->input_cps;
	v->output_cps = p->output_cps;
	v->dead = p->dead;
}

static void on_read(void *arg)
{
	struct bridge *b = arg;
	uint8_t *inputs = server_inputs(b->server);
	const bool is_done = b->line.state == LINE_DONE;

	heard(b);
	show_progress(b);
	b->values.state = (uint16_t)b->line.state;
	b->values.fault = fault_now(b);
	inputs[MAP_READY] = b->line.state == LINE_READY;
	inputs[MAP_BUSY] = is_open(b);
	inputs[MAP_DONE] = is_done;
	inputs[MAP_PASS] = is_done && b->is_passed;
	inputs[MAP_FAIL] = is_done && !b->is_passed;
	inputs[MAP_QC_DUE] = daemon_is_qc_due(b->daemon);
	inputs[MAP_FAULT] = b->values.fault != MAP_FAULT_NONE;
	map_fill(&b->values, (enum map_order)b->config->word_order,
		 server_registers(b->server));
}

/* ---- time ---------------------------------------------------------------------- */

static void listen_for_silence(struct bridge *b, uint64_t now)
{
	const uint64_t silence = (uint64_t)b->config->silence_s * 1000000000;

	if (b->is_silent || !is_open(b) || now < b->heard_ns + silence)
		return;
	b->is_silent = true;
	log_warning("nothing heard from the PLC for %d s; the assay of %s goes"
		    " on, its result waits",
		    b->config->silence_s, b->values.sample);
	move(b, LINE_SILENCE);
}

static void tick(struct bridge *b)
{
	const uint64_t now = clock_monotonic_ns();

	if (now < b->tick_ns)
		return;
	b->tick_ns = now + TICK_NS;
	b->values.heartbeat++;
	listen_for_silence(b, now);
	sd_notify(0, "WATCHDOG=1");
}

static int ms_to_tick(const struct bridge *b)
{
	const uint64_t now = clock_monotonic_ns();

	return now < b->tick_ns ? (int)((b->tick_ns - now) / 1000000) + 1 : 0;
}

int bridge_turn(struct bridge *b, int stop_fd)
{
	/* The bus, the stop, the listener, connections of the settings. */
	struct pollfd fds[3 + 64] = { 0 };
	int ms, wait_ms = ms_to_tick(b);
	size_t n;

	ms = daemon_wait(b->daemon, &fds[0]);
	if (ms >= 0 && ms < wait_ms)
		wait_ms = ms;
	fds[1] = (struct pollfd){ .fd = stop_fd, .events = POLLIN };
	n = server_fds(b->server, fds + 2);
	if (poll(fds, 2 + (nfds_t)n, wait_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	/* The daemon first: an answer to the PLC shows what is known. */
	daemon_handle(b->daemon);
	server_handle(b->server, fds + 2, n);
	/* What a write has asked for goes out before the next sleep. */
	daemon_handle(b->daemon);
	tick(b);
	return 0;
}

int bridge_new(const struct modbus_config *config, struct bridge **ret,
	       char *why, size_t why_size)
{
	CLEANUP(bridge_freep) struct bridge *b = calloc(1, sizeof(*b));
	const struct server_events server_events = { on_write, on_read, b };
	const struct daemon_events daemon_events = { on_event, b };
	int r;

	snprintf(why, why_size, "out of memory");
	if (!b)
		return -ENOMEM;
	b->config = config;
	b->values.n_quantities = config->n_quantities;
	b->values.live_s = b->values.input_cps = b->values.output_cps = 0;
	b->values.dead = NAN;
	forget_result(b);
	b->heard_ns = clock_monotonic_ns();
	r = server_new(config, &server_events, &b->server, why, why_size);
	if (r >= 0)
		r = daemon_new(config, &daemon_events, &b->daemon);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(b);
	return 0;
}

struct bridge *bridge_free(struct bridge *b)
{
	if (!b)
		return NULL;
	daemon_free(b->daemon);
	server_free(b->server);
	free(b);
	return NULL;
}
