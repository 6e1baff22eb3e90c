/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The far side of the bridges: a NATS server on loopback and a PostgreSQL
 * server on a socket, in a folder of their own and as user nobody.
 */
#ifndef TESTS_BUS_FAR_H
#define TESTS_BUS_FAR_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bridges/stream.h"

#include "rig.h"

/* The version of the tables, once the sink has made them. */
#define FAR_VERSION "5"

struct far {
	char dir[64];
	char host[16]; /* of the NATS server; "" = 127.0.0.1 */
	int port;
	char bridge_by[64]; /* what starts bridges, such as nsenter, or "" */
	pid_t nats_pid;
	pid_t postgres_pid;
	pid_t sink_pid;
	char sink_keys[128]; /* folder of known keys, "" = none */
	const char *nats_more; /* of the server's configuration, or NULL */
	const char *client_more; /* lines of [nats] of the programs, or NULL */
	PGconn *db;
};

/* A test program says this once: it makes an empty database when it begins,
 * which takes a second or more, and each far_start() copies it. */
#define FAR_PROGRAM                                          \
	static __attribute__((constructor)) void begin(void) \
	{                                                    \
		far_make_cluster();                          \
	}                                                    \
	static __attribute__((destructor)) void end(void)    \
	{                                                    \
		far_remove_cluster();                        \
	}

void far_make_cluster(void);
void far_remove_cluster(void);

/* Both servers and the sink. Nothing is left when it fails: it exits. */
void far_start(struct far *f);
void far_stop(struct far *f);

void far_start_nats(struct far *f);
/* Returns when it takes connections; also after a SIGKILL. */
void far_start_postgres(struct far *f);
/* @options, or "". What it says is appended to DIR/sink.log. */
void far_start_sink(struct far *f, const char *options);
/* reespec-nats for @r, whose log is @r's DIR/nats.log. */
pid_t far_start_bridge(struct far *f, struct rig *r, const char *site,
		       const char *line, const char *options);

/* A port of this machine that is free now. */
int far_free_port(void);

/* A connection of one's own; NULL, and why on stdout. */
struct stream *far_stream(struct far *f);
/* Under an id of its own: the stream's guard against the same one twice is out
 * of the way. */
bool far_publish(struct stream *s, const char *subject, const void *data,
		 size_t len);

/* The first value of a query, as text; "" when there is none, also when the
 * database is away. Lives until the next call. */
const char *far_ask(struct far *f, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));
/* The end of a log, for who reads why a test failed. */
void far_tell_log(const char *dir, const char *name);
/* Until the query says @value; false after 30 seconds, with the logs. */
bool far_wait(struct far *f, const char *value, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));
/* Until the database has 1 to @last of a ledger, and no more. */
bool far_has_ledger(struct far *f, const char *ledger, uint64_t last);
/* Whether the log of that path holds @text; how often. */
unsigned int far_says(const char *path, const char *text);
bool far_wait_says(const char *path, const char *text);
bool far_wait_says_often(const char *path, const char *text, unsigned int n);
/* Whether the sink has said it. */
bool far_sink_says(struct far *f, const char *text);

#endif
