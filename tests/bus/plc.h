/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bridge of a sample line, and the PLC at its other end. */
#ifndef TESTS_BUS_PLC_H
#define TESTS_BUS_PLC_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "rig.h"

#define PLC_FRAME_MAX 260
#define PLC_CONNECTIONS 4

/* States, as tools/bridges/README.md has them. */
#define PLC_READY "2"
#define PLC_BUSY "5"
#define PLC_DONE "7"
#define PLC_FAULT "8"

struct plc {
	struct rig *rig;
	pid_t pid; /* of the bridge */
	struct sockaddr_in address;
	int fd; /* the line's own connection, -1: none */
};

/* Starts the bridge of line `belt`, all orders, method 1 is ore-l and there is no
 * method 2; connects. */
void plc_start(struct plc *p, struct rig *r);
/* Kills it; rig_stop() comes after that. */
void plc_stop(struct plc *p);
/* The bridge again, and a connection; after a kill. */
void plc_restart(struct plc *p);

/* One more connection, or -1. */
int plc_dial(const struct plc *p);
/* The line's own again, when it is lost. */
bool plc_connect(struct plc *p);

/*
 * Sends a frame and hears the answer: its length behind the header, 0: hung
 * up, -1: not an answer to this frame. Or only hears it.
 */
int plc_exchange(int fd, const uint8_t *frame, size_t len,
		 uint8_t ret[PLC_FRAME_MAX]);
int plc_hear(int fd, const uint8_t *frame, uint8_t ret[PLC_FRAME_MAX]);

/* Input registers; false without an answer. */
bool plc_read(int fd, unsigned int address, unsigned int n, uint16_t *ret);
/* The first of them, -1 without an answer. */
int plc_read_one(int fd, unsigned int address);
/* A discrete input, 0 or 1; -1 without an answer. */
int plc_input(int fd, unsigned int address);
/* 0, an exception's code, or -1 without an answer. */
int plc_coil(int fd, unsigned int number, bool value);
int plc_write(int fd, unsigned int address, unsigned int n,
	      const uint16_t *values);
/* Sends it over the line's own connection, which ends before the answer. */
void plc_coil_unheard(struct plc *p, unsigned int number, bool value);

/* Until the state is one of these digits; half a minute. */
bool plc_wait_state(struct plc *p, const char *states);

#endif
