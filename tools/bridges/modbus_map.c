// SPDX-License-Identifier: GPL-2.0-or-later
/* One table of the registers, and the codes between them and values. */
#include "bridges/modbus_map.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "bridges/modbus_line.h"

/* After the Modbus application protocol V1.1b3, sections 6 and 7. */
enum {
	READ_COILS = 1,
	READ_INPUTS = 2,
	READ_HOLDING = 3,
	READ_REGISTERS = 4,
	WRITE_COIL = 5,
	WRITE_REGISTER = 6,
	WRITE_COILS = 15,
	WRITE_REGISTERS = 16,

	ILLEGAL_FUNCTION = 1,
	ILLEGAL_ADDRESS = 2,
	ILLEGAL_VALUE = 3,

	BITS_MAX = 2000,
	REGISTERS_MAX = 125,
	WRITE_BITS_MAX = 1968,
	WRITE_REGISTERS_MAX = 123,
};

struct entry {
	const char *kind;
	int address;
	int n;
	const char *type;
	const char *text;
};

/* clang-format off */
static const struct entry entries[] = {
	{ "coil", MAP_START, 1, "bit", "start an assay of the holding registers" },
	{ "coil", MAP_ABORT, 1, "bit", "abort it" },
	{ "coil", MAP_ACKNOWLEDGE, 1, "bit", "acknowledge result or fault" },
	{ "discrete", MAP_READY, 1, "bit", "start is taken" },
	{ "discrete", MAP_BUSY, 1, "bit", "an assay is open" },
	{ "discrete", MAP_DONE, 1, "bit", "a result waits for acknowledge" },
	{ "discrete", MAP_PASS, 1, "bit", "with done: accepted, and no rule of the method says fail" },
	{ "discrete", MAP_FAIL, 1, "bit", "with done: the opposite of pass" },
	{ "discrete", MAP_QC_DUE, 1, "bit", "a check of quality control is due or has failed" },
	{ "discrete", MAP_FAULT, 1, "bit", "fault code is other than 0" },
	{ "holding", MAP_SAMPLE, MAP_SAMPLE_LEN, "ASCII", "sample, 32 characters, the first in the high byte; blanks or NUL behind it" },
	{ "holding", MAP_METHOD, 1, "u16", "method, its place in `methods` from 1" },
	{ "holding", MAP_PRESET, 1, "u16", "live time in s; 0: the method's" },
	{ "input", MAP_MAP_VERSION, 1, "u16", "version of this map: 1" },
	{ "input", MAP_STATE, 1, "u16", "state" },
	{ "input", MAP_PROGRESS, 1, "u16", "progress of the nearest preset, 0 to 1000" },
	{ "input", MAP_FAULT_CODE, 1, "u16", "fault code" },
	{ "input", MAP_REFUSAL, 1, "u16", "refusal: why the last order was not taken; 0 from the next one that is" },
	{ "input", MAP_HEARTBEAT, 1, "u16", "heartbeat, one more each second" },
	{ "input", MAP_SEQUENCE, 2, "u32", "ledger sequence of the result, low 32 bits; 0 while there is none" },
	{ "input", MAP_GRADE, 1, "u16", "grade bin from 1; 0: the method sorts into none" },
	{ "input", MAP_VERDICT, 1, "u16", "verdict: 0 none, 1 accepted, 2 questionable, 3 rejected" },
	{ "input", MAP_LIVE, 2, "float32", "live time, s" },
	{ "input", MAP_INPUT_RATE, 2, "float32", "input rate, counts/s" },
	{ "input", MAP_OUTPUT_RATE, 2, "float32", "output rate, counts/s" },
	{ "input", MAP_DEAD, 2, "float32", "dead time, fraction" },
	{ "input", MAP_DECIDED, 2, "float32", "live time of the decision, s" },
	{ "input", MAP_METHOD_USED, 1, "u16", "method of this assay" },
	{ "input", MAP_SAMPLE_USED, MAP_SAMPLE_LEN, "ASCII", "sample of this assay" },
	{ "input", MAP_QUANTITY, MAP_QUANTITY_LEN, "3 float32", "first of `quantities`: content, standard uncertainty, L_D, mg/kg" },
	{ "input", MAP_QUANTITY + MAP_QUANTITY_LEN, MAP_QUANTITY_LEN, "3 float32", "the second, and so on" },
};
/* clang-format on */

static uint16_t *put_u32(uint16_t *to, uint32_t value, enum map_order order)
{
	to[order == MAP_BIG ? 0 : 1] = (uint16_t)(value >> 16);
	to[order == MAP_BIG ? 1 : 0] = (uint16_t)value;
	return to + 2;
}

static uint16_t *put_f32(uint16_t *to, double value, enum map_order order)
{
	float f = (float)value;
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return put_u32(to, bits, order);
}

size_t map_n_input(size_t n_quantities)
{
	return MAP_QUANTITY + MAP_QUANTITY_LEN * n_quantities;
}

void map_fill(const struct map_values *v, enum map_order order, uint16_t *r)
{
	const size_t len = strlen(v->sample);
	uint16_t *to = r + MAP_QUANTITY;

	r[MAP_MAP_VERSION] = MAP_VERSION;
	r[MAP_STATE] = v->state;
	r[MAP_PROGRESS] =
		v->progress > 0 ? (uint16_t)(fmin(v->progress, 1) * 1000) : 0;
	r[MAP_FAULT_CODE] = (uint16_t)v->fault;
	r[MAP_REFUSAL] = v->refusal;
	r[MAP_HEARTBEAT] = v->heartbeat;
	put_u32(r + MAP_SEQUENCE, (uint32_t)v->sequence, order);
	r[MAP_GRADE] = v->grade;
	r[MAP_VERDICT] = (uint16_t)v->verdict;
	put_f32(r + MAP_LIVE, v->live_s, order);
	put_f32(r + MAP_INPUT_RATE, v->input_cps, order);
	put_f32(r + MAP_OUTPUT_RATE, v->output_cps, order);
	put_f32(r + MAP_DEAD, v->dead, order);
	put_f32(r + MAP_DECIDED, v->decided_s, order);
	r[MAP_METHOD_USED] = v->method;
	for (size_t i = 0; i < MAP_SAMPLE_LEN; i++) {
		unsigned char high = 2 * i < len ? v->sample[2 * i] : 0;
		unsigned char low = 2 * i + 1 < len ? v->sample[2 * i + 1] : 0;

		r[MAP_SAMPLE_USED + i] = (uint16_t)(high << 8 | low);
	}
	for (size_t i = 0; i < v->n_quantities; i++) {
		to = put_f32(to, v->quantity[i].content, order);
		to = put_f32(to, v->quantity[i].u, order);
		to = put_f32(to, v->quantity[i].ld, order);
	}
}

int map_sample(const uint16_t *registers, char ret[MAP_SAMPLE_SIZE])
{
	char text[MAP_SAMPLE_SIZE];
	size_t len = MAP_SAMPLE_SIZE - 1;

	for (size_t i = 0; i < MAP_SAMPLE_LEN; i++) {
		text[2 * i] = (char)(registers[i] >> 8);
		text[2 * i + 1] = (char)registers[i];
	}
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\0'))
		len--;
	text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return -EINVAL;
	if (!len)
		return -EINVAL;
	memcpy(ret, text, len + 1);
	return 0;
}

/* ---- requests --------------------------------------------------------------- */

static unsigned int get_u16(const uint8_t *bytes)
{
	return (unsigned int)bytes[0] << 8 | bytes[1];
}

/* Number of the transaction, protocol 0, length of what follows, unit. */
int map_frame(const uint8_t *bytes, size_t len)
{
	unsigned int rest;

	if (len < MAP_HEADER_LEN - 1)
		return 0;
	rest = get_u16(bytes + 4);
	if (get_u16(bytes + 2) || rest < 2 || rest > MAP_FRAME_MAX - 6)
		return -EBADMSG;
	return len < 6 + rest ? 0 : (int)(6 + rest);
}

/* Whether function @f is one of ours, how many there are of what it names,
 * and how many it may name at once. */
static bool extent(uint8_t f, size_t n_quantities, size_t *ret_size,
		   size_t *ret_max)
{
	switch (f) {
	case READ_COILS:
	case WRITE_COIL:
	case WRITE_COILS:
		*ret_size = MAP_N_COILS;
		break;
	case READ_INPUTS:
		*ret_size = MAP_N_INPUTS;
		break;
	case READ_HOLDING:
	case WRITE_REGISTER:
	case WRITE_REGISTERS:
		*ret_size = MAP_N_HOLDING;
		break;
	case READ_REGISTERS:
		*ret_size = map_n_input(n_quantities);
		break;
	default:
		return false;
	}
	*ret_max = f <= READ_INPUTS	  ? BITS_MAX
		   : f == WRITE_COILS	  ? WRITE_BITS_MAX
		   : f == WRITE_REGISTERS ? WRITE_REGISTERS_MAX
					  : REGISTERS_MAX;
	return true;
}

bool map_is_write(const struct map_request *r)
{
	return r->function > READ_REGISTERS;
}

static bool is_single(uint8_t f)
{
	return f == WRITE_COIL || f == WRITE_REGISTER;
}

static bool is_several(uint8_t f)
{
	return f == WRITE_COILS || f == WRITE_REGISTERS;
}

static bool fits(const struct map_request *r, const uint8_t *pdu, size_t len)
{
	const size_t n_bytes = r->function == WRITE_COILS ? (r->count + 7u) / 8
							  : 2u * r->count;

	if (!is_several(r->function))
		return len == 5;
	return len >= 6 && pdu[5] == n_bytes && len == 6 + n_bytes;
}

int map_request(const uint8_t *pdu, size_t len, size_t n_quantities,
		struct map_request *ret)
{
	struct map_request r = { 0 };
	size_t size, max;

	if (!len || !extent(pdu[0], n_quantities, &size, &max))
		return ILLEGAL_FUNCTION;
	if (len < 5)
		return ILLEGAL_VALUE;
	r.function = pdu[0];
	r.address = (uint16_t)get_u16(pdu + 1);
	r.count = is_single(r.function) ? 1 : (uint16_t)get_u16(pdu + 3);
	if (!r.count || r.count > max || !fits(&r, pdu, len))
		return ILLEGAL_VALUE;
	if (r.address + (size_t)r.count > size)
		return ILLEGAL_ADDRESS;
	if (r.function == WRITE_COIL && get_u16(pdu + 3) &&
	    get_u16(pdu + 3) != 0xff00)
		return ILLEGAL_VALUE;
	if (map_is_write(&r))
		r.data = pdu + (is_single(r.function) ? 3 : 6);
	*ret = r;
	return 0;
}

bool map_bit(const struct map_request *r, size_t i)
{
	if (r->function == WRITE_COIL)
		return r->data[0];
	return r->data[i / 8] >> i % 8 & 1;
}

uint16_t map_register(const struct map_request *r, size_t i)
{
	return (uint16_t)get_u16(r->data + 2 * i);
}

/* ---- documents --------------------------------------------------------------- */

const char *map_fault_text(enum map_fault fault)
{
	static const char *const texts[MAP_N_FAULTS] = {
		[MAP_FAULT_NONE] = "none",
		[MAP_FAULT_OFFLINE] = "the daemon is not there",
		[MAP_FAULT_ABSENT] =
			"the instrument is unplugged or being found",
		[MAP_FAULT_INSTRUMENT] = "the instrument has a fault",
		[MAP_FAULT_SETTLING] =
			"detector or high voltage are not settled",
		[MAP_FAULT_TAKEN] = "somebody else measures with it",
		[MAP_FAULT_QC] = "quality control refuses samples",
		[MAP_FAULT_REFUSED] =
			"the daemon refused the order, see the log",
		[MAP_FAULT_METHOD] = "the method is missing or has a mistake",
		[MAP_FAULT_DENIED] = "the bridge may not measure",
		[MAP_FAULT_DISK] = "the disk of the ledger is full",
		[MAP_FAULT_ABORTED] = "the assay was aborted",
		[MAP_FAULT_INTERRUPTED] =
			"the assay was interrupted: unplugged, or the daemon ended",
		[MAP_FAULT_FAILED] = "the assay failed, see the log",
		[MAP_FAULT_LOST] =
			"the daemon was killed before the order arrived, or left no end of the assay",
	};

	return texts[fault];
}

void map_print(FILE *file)
{
	fputs("| table | address | type | what |\n|---|---|---|---|\n", file);
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		const struct entry *e = &entries[i];

		fprintf(file, "| %s | %d", e->kind, e->address);
		if (e->n > 1)
			fprintf(file, "-%d", e->address + e->n - 1);
		fprintf(file, " | %s | %s |\n", e->type, e->text);
	}
	fputs("\n| state | means |\n|---|---|\n", file);
	for (int i = 0; i < LINE_N_STATES; i++)
		fprintf(file, "| %d | %s |\n", i,
			line_state_text((enum line_state)i));
	fputs("\n| refusal | what was refused |\n|---|---|\n", file);
	for (int i = 0; i < LINE_N_REFUSALS; i++)
		fprintf(file, "| %d | %s |\n", i,
			line_refusal_text((enum line_refusal)i));
	fputs("\n| fault code | means |\n|---|---|\n", file);
	for (int i = 0; i < MAP_N_FAULTS; i++)
		fprintf(file, "| %d | %s |\n", i,
			map_fault_text((enum map_fault)i));
}
