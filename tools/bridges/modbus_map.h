/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The register map: what stands where, how it is coded, which requests are
 * let through. Addresses count from 0 as on the wire. Pure.
 */
#ifndef TOOLS_BRIDGES_MODBUS_MAP_H
#define TOOLS_BRIDGES_MODBUS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MAP_VERSION 1

enum { MAP_START, MAP_ABORT, MAP_ACKNOWLEDGE, MAP_N_COILS };

enum {
	MAP_READY,
	MAP_BUSY,
	MAP_DONE,
	MAP_PASS,
	MAP_FAIL,
	MAP_QC_DUE,
	MAP_FAULT,
	MAP_N_INPUTS
};

/* Holding registers. */
enum {
	MAP_SAMPLE = 0,
	MAP_SAMPLE_LEN = 16, /* registers, two characters each */
	MAP_METHOD = 16,
	MAP_PRESET = 17,
	MAP_N_HOLDING = 18,
};

#define MAP_SAMPLE_SIZE (2 * MAP_SAMPLE_LEN + 1)

/* Input registers. */
enum {
	MAP_MAP_VERSION = 0,
	MAP_STATE = 1,
	MAP_PROGRESS = 2,
	MAP_FAULT_CODE = 3,
	MAP_REFUSAL = 4,
	MAP_HEARTBEAT = 5,
	MAP_SEQUENCE = 6,
	MAP_GRADE = 8,
	MAP_VERDICT = 9,
	MAP_LIVE = 10,
	MAP_INPUT_RATE = 12,
	MAP_OUTPUT_RATE = 14,
	MAP_DEAD = 16,
	MAP_DECIDED = 18,
	MAP_METHOD_USED = 20,
	MAP_SAMPLE_USED = 24,
	MAP_QUANTITY = 100,
	MAP_QUANTITY_LEN = 6,
	MAP_N_QUANTITIES = 64,
};

/* In input register `fault code`: never change one. */
enum map_fault {
	MAP_FAULT_NONE,
	MAP_FAULT_OFFLINE,
	MAP_FAULT_ABSENT,
	MAP_FAULT_INSTRUMENT,
	MAP_FAULT_SETTLING,
	MAP_FAULT_TAKEN,
	MAP_FAULT_QC,
	MAP_FAULT_REFUSED,
	MAP_FAULT_METHOD,
	MAP_FAULT_DENIED,
	MAP_FAULT_DISK,
	MAP_FAULT_ABORTED,
	MAP_FAULT_INTERRUPTED,
	MAP_FAULT_FAILED,
	MAP_FAULT_LOST,
	MAP_N_FAULTS,
};

enum map_verdict {
	MAP_VERDICT_NONE,
	MAP_VERDICT_ACCEPTED,
	MAP_VERDICT_QUESTIONABLE,
	MAP_VERDICT_REJECTED,
};

/* mg/kg; NAN: not known. */
struct map_quantity {
	float content;
	float u;
	float ld;
};

/* Everything the input registers show. */
struct map_values {
	uint16_t state;
	double progress; /* 0..1 */
	enum map_fault fault;
	uint16_t refusal;
	uint16_t heartbeat;
	uint64_t sequence;
	uint16_t grade;
	enum map_verdict verdict;
	double live_s;
	double input_cps;
	double output_cps;
	double dead;
	double decided_s; /* live time of the decision; NAN: none */
	uint16_t method;
	char sample[MAP_SAMPLE_SIZE];
	struct map_quantity quantity[MAP_N_QUANTITIES];
	size_t n_quantities;
};

/* Words of a number of 32 bits: the high one first, or the low one. */
enum map_order { MAP_BIG, MAP_LITTLE };

/* Registers that input registers take up with so many quantities. */
size_t map_n_input(size_t n_quantities);
/* Fills all of them, map_n_input() of @registers. */
void map_fill(const struct map_values *values, enum map_order order,
	      uint16_t *registers);

/* Sixteen registers, blanks and NULs at the end dropped; -EINVAL when nothing
 * or something else than printable ASCII is left. */
int map_sample(const uint16_t *registers, char ret[MAP_SAMPLE_SIZE]);

/* A request, checked: within the map, of a length that fits its count. */
struct map_request {
	uint8_t function;
	uint16_t address;
	uint16_t count;
	const uint8_t
		*data; /* of a write: bits, or registers, high byte first */
};

/*
 * Length of the frame at the start of @len bytes that came by TCP; 0 when it
 * is not all there, -EBADMSG when it can never be one.
 */
int map_frame(const uint8_t *bytes, size_t len);
/* Bytes of a frame before the function code, and of the longest frame. */
#define MAP_HEADER_LEN 7
#define MAP_FRAME_MAX 260

/* Reads what follows the header; 0 or the exception code of the answer. */
int map_request(const uint8_t *pdu, size_t len, size_t n_quantities,
		struct map_request *ret);
bool map_is_write(const struct map_request *request);
/* Of a write: bit or register number @i behind its address. */
bool map_bit(const struct map_request *request, size_t i);
uint16_t map_register(const struct map_request *request, size_t i);

/* Tables of registers, states, refusals and faults, as in README.md. */
void map_print(FILE *file);

const char *map_fault_text(enum map_fault fault);

#endif
