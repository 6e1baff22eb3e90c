// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bridges [SECONDS]: 1, 10 and 40 laboratories, each a daemon that makes a record a
 * second, for so many, and a reespec-nats of its own, into one stream and one database: what bridge,
 * sink and server take. Then how fast a backlog goes, beside the same bytes by
 * plain INSERTs in transactions of the same size.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "bus/lab.h"
#include "bus/writer.h"

#define LEDGERS_MAX 40
#define BACKLOG 4000
#define PAGE 256
/* About what a reading has. */
#define READING                                                          \
	"\"assay\":\"2\",\"n\":1,\"live_s\":1.0,\"real_s\":1.02,\"fast_" \
	"count\":147238,\"slow_count\":74310,\"fast_cps\":147238.0,"     \
	"\"slow_cps\":74310.0,\"dead\":0.495,\"detector_k\":220.0,"      \
	"\"board_c\":31.0,\"hv_v\":-110.0,\"lost\":0,\"flags\":[],"      \
	"\"estimate\":{\"Ce\":[34500.0,1200.0],\"La\":[24540.0,790.0],"  \
	"\"Nd\":[8880.0,330.0],\"Pr\":[3020.0,200.0],\"Y\":[65.8,5.2]}"

FAR_PROGRAM

static struct far far;
static struct stream *stream;
static struct writer writers[LEDGERS_MAX];

static double now_s(void)
{
	return bench_clock_s(CLOCK_MONOTONIC);
}

static void publish(struct writer *w, const char *kind, const struct buf *line)
{
	char subject[64];
	uint64_t seq;
	char id[64];

	snprintf(subject, sizeof(subject), "reespec.bench.l1.%s", kind);
	snprintf(id, sizeof(id), "%s:%" PRIu64, w->id, w->seq);
	if (stream_publish(stream, subject, id, line->data, line->len, &seq))
		bench_die(stream_why(stream));
}

static void publish_next(struct writer *w)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };

	writer_record(w, "reading", READING, &line);
	publish(w, "reading", &line);
}

/* As long as it takes: far_wait() gives up after half a minute. */
static void wait_rows(uint64_t n)
{
	char text[24];
	int turns = 20;

	snprintf(text, sizeof(text), "%" PRIu64, n);
	while (!far_wait(&far, text, "SELECT count(*) FROM reespec.record"))
		if (!--turns)
			bench_die("the records do not arrive");
}

/* One second's record of a laboratory: the name of its sample once more. */
static void amend(struct lab *l)
{
	if (*rig_call(&l->r, RIG_ROOT, "org.reespec1.Ledger", "Amend",
		      "ta{sv}s", l->r.result, 1, "sample", "s", "B", "bench"))
		bench_die(rig_message);
}

static double bridges_cpu_s(const struct lab *labs, int n)
{
	double s = 0;

	for (int i = 0; i < n; i++)
		s += bench_process_s(labs[i].bridge_pid);
	return s;
}

/* What the laboratories have is in the database. */
static void wait_labs(struct lab *labs, int n)
{
	for (int i = 0; i < n; i++)
		if (!lab_wait_rows(&labs[i], &far))
			bench_die("a laboratory's records do not arrive");
}

/* A record a second from each of @n laboratories, evenly. Processor time is told
 * as of the seconds that the records are of, however long they took. */
static void run_labs(struct lab *labs, int n, int seconds)
{
	double bridges, sink, server, start, late;
	char who[24];

	wait_labs(labs, n);
	bridges = bridges_cpu_s(labs, n);
	sink = bench_process_s(far.sink_pid);
	server = bench_process_s(far.nats_pid);
	start = now_s();
	for (int i = 0; i < n * seconds; i++) {
		const double wait = start + (double)i / n - now_s();

		if (wait > 0)
			usleep((useconds_t)(wait * 1e6));
		amend(&labs[i % n]);
	}
	late = now_s();
	wait_labs(labs, n);
	snprintf(who, sizeof(who), "%d ledgers", n);
	bench_tell("records made in a second", who,
		   n * seconds / (late - start));
	bench_tell("last record in the database, ms", who,
		   (now_s() - late) * 1e3);
	bench_tell("one reespec-nats, % of a core", who,
		   (bridges_cpu_s(labs, n) - bridges) / n / seconds * 100);
	bench_tell("reespec-pgsink, % of a core", who,
		   (bench_process_s(far.sink_pid) - sink) / seconds * 100);
	bench_tell("nats-server, % of a core", who,
		   (bench_process_s(far.nats_pid) - server) / seconds * 100);
}

/* With one result, and from then on idle but for its ledger. */
static void start_lab(struct lab *l, int i)
{
	static char names[LEDGERS_MAX][16];

	snprintf(names[i], sizeof(names[i]), "l%d", i + 1);
	lab_start(l, &far, names[i]);
	if (*rig_measure(&l->r, "B", "ore-l", 1, NULL) ||
	    !rig_wait_finished(&l->r, 1))
		bench_die("a laboratory does not measure");
	rig_kill(&l->r.emu_pid, SIGKILL);
}

static void run_steady(int seconds)
{
	static struct lab labs[LEDGERS_MAX];
	static const int steps[] = { 1, 10, LEDGERS_MAX };
	int n = 0;

	for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
		for (; n < steps[k]; n++)
			start_lab(&labs[n], n);
		run_labs(labs, n, seconds);
	}
	while (n)
		lab_stop(&labs[--n]);
}

/* All of it is in the stream before the sink begins. */
static void run_backlog(uint64_t *n_rows)
{
	double start, cpu;

	rig_kill(&far.sink_pid, SIGKILL);
	start = now_s();
	cpu = bench_clock_s(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < BACKLOG; i++)
		publish_next(&writers[i % LEDGERS_MAX]);
	bench_tell("published one at a time, records/s", "reespec",
		   BACKLOG / (now_s() - start));
	bench_tell("publishing one, CPU us", "reespec",
		   (bench_clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu) / BACKLOG *
			   1e6);
	far_start_sink(&far, "");
	start = now_s();
	*n_rows += BACKLOG;
	wait_rows(*n_rows);
	bench_tell("a backlog into the database, records/s", "reespec",
		   BACKLOG / (now_s() - start));
}

/* The same rows, unchecked, by one who has them in hand. */
static void run_plain(void)
{
	double start;

	far_ask(&far, "CREATE TABLE plain (LIKE reespec.record"
		      " INCLUDING INDEXES)");
	start = now_s();
	for (int i = 0; i < BACKLOG; i++) {
		if (i % PAGE == 0)
			far_ask(&far, "BEGIN");
		far_ask(&far,
			"INSERT INTO plain SELECT '%d', seq, time, kind, serial,"
			" simulated, uid, prev, hash, sig, body, bytes"
			" FROM reespec.record WHERE ledger = '%s' AND seq = %d",
			i, writers[i % LEDGERS_MAX].id, 2);
		if (i % PAGE == PAGE - 1 || i == BACKLOG - 1)
			far_ask(&far, "COMMIT");
	}
	bench_tell("a backlog into the database, records/s", "plain INSERT",
		   BACKLOG / (now_s() - start));
}

int main(int argc, char **argv)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	uint64_t n_rows;
	int dir;

	far_start(&far);
	run_steady(argc > 1 ? atoi(argv[1]) : 20);
	dir = open(far.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stream = far_stream(&far);
	if (dir < 0 || !stream)
		return 1;
	n_rows = strtoull(far_ask(&far, "SELECT count(*) FROM reespec.record"),
			  NULL, 10);
	for (int i = 0; i < LEDGERS_MAX; i++) {
		writer_make(&writers[i], dir, "bench.key");
		writer_genesis(&writers[i], &line);
		publish(&writers[i], "genesis", &line);
	}
	n_rows += LEDGERS_MAX;
	wait_rows(n_rows);
	run_backlog(&n_rows);
	run_plain();
	stream_close(stream);
	close(dir);
	far_stop(&far);
	return 0;
}
