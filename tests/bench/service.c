// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * service publish|ways|batch|large FOLDER: the daemon and its bus.
 *
 *   publish  frames of 2048 channels as fast as they come, each kept, to one
 *            follower that fetches all of it; then the same spectra by Fetch
 *            and by Get, by turns
 *   ways     spectra of a program that has them at hand, as many to a memfd as
 *            Fetch gives, and as an array each: what the bus alone costs
 *   batch    readings a second by Batch, beside bare signals of that size
 *   large    start, memory and Verify with RECORDS (1,000,000) readings
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/state_dir.h"
#include "base/cleanup.h"
#include "bench.h"
#include "bus/fast.h"
#include "bus/follower.h"
#include "bus/proc.h"
#include "bus/settings.h"

#define LEDGER "org.reespec1.Ledger"

enum {
	PUBLISH_S = 10,
	INTERVAL_NS = 2000000, /* 500 frames a second are asked for */
	N_SPECTRA = 1024, /* of Fetch and Get */
	N_WAYS = 4, /* turns of the two */
	N_SIGNALS = 1000,
	N_READINGS = 16, /* of a batch */
};

static struct rig rig;

static double now_s(void)
{
	return bench_clock_s(CLOCK_MONOTONIC);
}

/* ---- publish -------------------------------------------------------------- */

static struct {
	uint64_t next;
	uint64_t announced;
} got;

/* What comes of @len bytes when somebody looks at each. */
static uint64_t look(const void *data, size_t len)
{
	const uint32_t *words = data;
	uint64_t sum = 0;

	for (size_t i = 0; i < len / sizeof(*words); i++)
		sum += words[i];
	return sum;
}

/* Read in one go into memory that is there already: the pages of a mapping
 * would have to be found one by one. */
static void look_at_file(int fd)
{
	static uint32_t data[2 * 1024 * 1024];
	ssize_t n = pread(fd, data, sizeof(data), 0);

	if (n <= 0 || n == sizeof(data) || !look(data, (size_t)n))
		bench_die("pread");
}

/* All from @from on, as one answer holds it: the number of records. */
static uint32_t fetch(uint64_t from, uint32_t max)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	uint64_t next = from;
	uint32_t n = 0;
	int fd;

	if (sd_bus_call_method(rig.bus, "org.reespec1", RIG_ROOT, LEDGER,
			       "Fetch", NULL, &m, "tua{sv}", from, max,
			       0) < 0 ||
	    sd_bus_message_read(m, "htu", &fd, &next, &n) < 0)
		bench_die("Fetch");
	look_at_file(fd);
	got.next = next;
	return n;
}

static int on_batch(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	uint64_t first;

	(void)arg, (void)error;
	rig.n_batches = 0;
	return sd_bus_message_read(m, "tt", &first, &got.announced);
}

/* Until then: what is announced is fetched, and that opens the window. */
static void follow_until(double until)
{
	while (now_s() < until) {
		while (sd_bus_process(rig.bus, NULL) > 0)
			;
		if (got.announced >= got.next)
			fetch(got.next, 1024);
		else
			sd_bus_wait(rig.bus, 100000);
	}
}

/* The number of the first record that was one of its spectra. */
static uint64_t measure_publish(void)
{
	double t, main_s, all_s;
	uint64_t first;

	if (*rig_call(&rig, RIG_ROOT, LEDGER, "Follow", "st", "",
		      (uint64_t)0) ||
	    *rig_measure(&rig, "X", "fast", 20000, "detach", "interval:0.1",
			 NULL) ||
	    !rig_wait_state(&rig, "measuring"))
		bench_die(rig_message);
	got.next = rig_last(&rig);
	follow_until(now_s() + 2);
	first = got.next;
	t = now_s();
	main_s = proc_main_cpu_s(rig.daemon_pid);
	all_s = proc_cpu_s(rig.daemon_pid);
	follow_until(t + PUBLISH_S);
	t = now_s() - t;
	bench_tell("published, frames/s", "reespecd",
		   (double)(got.next - first) / t);
	main_s = proc_main_cpu_s(rig.daemon_pid) - main_s;
	bench_tell("publishing, % of a core", "loop", 100 * main_s / t);
	bench_tell("publishing, % of a core", "with the refits",
		   100 * (proc_cpu_s(rig.daemon_pid) - all_s) / t);
	bench_tell("publishing, CPU us a frame", "loop",
		   1e6 * main_s / (double)(got.next - first));
	return first;
}

static void get(uint64_t seq)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const void *counts;
	size_t len;

	if (sd_bus_call_method(rig.bus, "org.reespec1", RIG_ROOT, LEDGER, "Get",
			       NULL, &m, "t", seq) < 0 ||
	    sd_bus_message_skip(m, "ssss") < 0 ||
	    sd_bus_message_read_array(m, 'u', &counts, &len) < 0 ||
	    len != 2048 * sizeof(uint32_t) || !look(counts, len))
		bench_die("Get");
}

static struct way {
	const char *name;
	double clock_s;
	double daemon_s;
	double all_s; /* of CPU: daemon, bus daemon and client */
} by_fetch = { .name = "Fetch, a memfd" }, by_get = { .name = "Get, an array" };

/* What the clock tells hangs on who else wants the processors; this less. */
static double all_cpu_s(void)
{
	return bench_process_s(rig.daemon_pid) + bench_process_s(rig.bus_pid) +
	       bench_clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

static void go(struct way *w, uint64_t first, uint64_t end)
{
	const double daemon_s = bench_process_s(rig.daemon_pid);
	const double all_s = all_cpu_s();
	const double t = now_s();

	if (w == &by_fetch)
		for (got.next = first; got.next < end;)
			fetch(got.next, (uint32_t)(end - got.next));
	else
		for (uint64_t seq = first; seq < end; seq++)
			get(seq);
	w->clock_s += now_s() - t;
	w->daemon_s += bench_process_s(rig.daemon_pid) - daemon_s;
	w->all_s += all_cpu_s() - all_s;
}

/* The spectra of these records, many at a time and one at a time. */
static void measure_ways(uint64_t first, uint64_t end)
{
	const double n = N_WAYS * (double)(end - first);
	struct way *const all[] = { &by_fetch, &by_get };

	for (int i = 0; i < N_WAYS; i++) {
		go(&by_fetch, first, end);
		go(&by_get, first, end);
	}
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		bench_tell("spectra of 2048, records/s", all[i]->name,
			   n / all[i]->clock_s);
		bench_tell("daemon's CPU us a spectrum", all[i]->name,
			   1e6 * all[i]->daemon_s / n);
		bench_tell("client, bus and daemon, CPU us", all[i]->name,
			   1e6 * all[i]->all_s / n);
	}
}

/* ---- ways ----------------------------------------------------------------- */

/* What 4 MiB hold: about as many to an answer of Fetch. */
enum { N_CHANNELS = 2048, N_TOGETHER = 500, N_ANSWERS = 8 };

static uint32_t counts[N_TOGETHER * N_CHANNELS];

static int give_array(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

	(void)arg, (void)error;
	if (sd_bus_message_new_method_return(m, &reply) < 0 ||
	    sd_bus_message_append_array(reply, 'u', counts,
					N_CHANNELS * sizeof(*counts)) < 0)
		return -ENOMEM;
	return sd_bus_send(NULL, reply, NULL);
}

static int give_memfd(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	CLEANUP(closep) int fd = memfd_create("bench", MFD_ALLOW_SEALING);

	(void)arg, (void)error;
	if (fd < 0 || write(fd, counts, sizeof(counts)) != sizeof(counts) ||
	    lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE) < 0)
		return -errno;
	return sd_bus_reply_method_return(m, "h", fd);
}

static const sd_bus_vtable ways_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Array", "", "au", give_array,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Memfd", "", "h", give_memfd, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

/* Until it is killed; that it listens is told by the pipe. */
static void give(int fd)
{
	sd_bus *bus = rig_open(&rig);

	if (sd_bus_add_object_vtable(bus, NULL, RIG_ROOT, "bench.Ways",
				     ways_vtable, NULL) < 0 ||
	    sd_bus_request_name(bus, "bench.Ways", 0) < 0 ||
	    write(fd, "", 1) != 1)
		_exit(1);
	for (;;)
		if (sd_bus_process(bus, NULL) == 0)
			sd_bus_wait(bus, UINT64_MAX);
}

static void take_array(void)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const void *array;
	size_t len;

	if (sd_bus_call_method(rig.bus, "bench.Ways", RIG_ROOT, "bench.Ways",
			       "Array", NULL, &m, "") < 0 ||
	    sd_bus_message_read_array(m, 'u', &array, &len) < 0 ||
	    len != N_CHANNELS * sizeof(*counts) || !look(array, len))
		bench_die("Array");
}

static void take_memfd(void)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int fd;

	if (sd_bus_call_method(rig.bus, "bench.Ways", RIG_ROOT, "bench.Ways",
			       "Memfd", NULL, &m, "") < 0 ||
	    sd_bus_message_read(m, "h", &fd) < 0)
		bench_die("Memfd");
	look_at_file(fd);
}

static void ways(void)
{
	int fds[2];
	pid_t pid;
	double t;
	char c;

	rig_start(&rig, NULL, NULL);
	rig_start_bus(&rig, true);
	rig.bus = rig_open(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		counts[i] = (uint32_t)(i * 2654435761u) >> 20;
	if (pipe(fds) < 0 || (pid = fork()) < 0)
		bench_die("fork");
	if (!pid)
		give(fds[1]);
	if (read(fds[0], &c, 1) != 1)
		bench_die("ways");
	t = now_s();
	for (int i = 0; i < N_ANSWERS; i++)
		take_memfd();
	bench_tell("bare spectra of 2048, a second", "memfd, 500 to a call",
		   N_ANSWERS * N_TOGETHER / (now_s() - t));
	t = now_s();
	for (int i = 0; i < N_SPECTRA; i++)
		take_array();
	bench_tell("bare spectra of 2048, a second", "array, 1 to a call",
		   N_SPECTRA / (now_s() - t));
	rig_kill(&pid, SIGKILL);
	rig_stop(&rig);
}

/* ---- publish, all of it --------------------------------------------------- */

static void publish(void)
{
	uint64_t first, end;

	fast_start(&rig, INTERVAL_NS, "");
	if (sd_bus_match_signal(rig.bus, NULL, NULL, RIG_ROOT, LEDGER, "Batch",
				on_batch, NULL) < 0)
		bench_die("match");
	first = measure_publish();
	end = got.next;
	rig_call(&rig, rig_path, "org.reespec1.Assay", "Cancel", "s", "done");
	if (!rig_wait_finished(&rig, 1))
		bench_die("the assay does not end");
	if (end > first + N_SPECTRA)
		first = end - N_SPECTRA;
	measure_ways(first, end);
	rig_stop(&rig);
}

/* ---- batch ---------------------------------------------------------------- */

static sd_bus *sender;

/* What follower.c asks of the service, whose own loop is not here. */
sd_bus *service_bus(const struct service *s)
{
	(void)s;
	return sender;
}

/* Handles so many signals and ends; its name goes into the pipe. */
static void receive(int fd, unsigned int n)
{
	sd_bus *bus = rig_open(&rig);
	sd_bus_message *m = NULL;
	const char *name;

	if (sd_bus_match_signal(bus, NULL, NULL, NULL, NULL, "Batch", NULL,
				NULL) < 0 ||
	    sd_bus_get_unique_name(bus, &name) < 0 ||
	    write(fd, name, strlen(name) + 1) < 0)
		_exit(1);
	while (n) {
		if (sd_bus_process(bus, &m) == 0)
			sd_bus_wait(bus, UINT64_MAX);
		n -= m && sd_bus_message_is_signal(m, LEDGER, "Batch");
		m = sd_bus_message_unref(m);
	}
	_exit(0);
}

static void send_bare(const char *name, const char *body)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;

	if (sd_bus_message_new_signal(sender, &m, RIG_ROOT, LEDGER, "Batch") <
		    0 ||
	    sd_bus_message_append(m, "ttsb", (uint64_t)1, (uint64_t)1, "", 0) <
		    0 ||
	    sd_bus_message_open_container(m, 'a', "s") < 0)
		bench_die("signal");
	for (int i = 0; i < N_READINGS; i++)
		sd_bus_message_append(m, "s", body);
	if (sd_bus_message_close_container(m) < 0 ||
	    sd_bus_message_set_destination(m, name) < 0 ||
	    sd_bus_send(sender, m, NULL) < 0)
		bench_die("signal");
}

static void send_batch(struct service *s, const char *name)
{
	if (follower_add(s, name, 0, ledger_last(s->ledger) - N_READINGS) < 0)
		bench_die("follower");
	follower_tell_all(s);
}

/* Seconds until the receiver has handled all; @s: by the daemon's code. */
static double send_all(struct service *s, const char *body)
{
	char name[64] = "";
	int fds[2];
	pid_t pid;
	double t;

	if (pipe(fds) < 0 || (pid = fork()) < 0)
		bench_die("fork");
	if (!pid)
		receive(fds[1], N_SIGNALS);
	if (read(fds[0], name, sizeof(name)) <= 0)
		bench_die("receiver");
	t = now_s();
	for (int i = 0; i < N_SIGNALS; i++) {
		if (s)
			send_batch(s, name);
		else
			send_bare(name, body);
		sd_bus_flush(sender);
	}
	waitpid(pid, NULL, 0);
	t = now_s() - t;
	if (s)
		follower_remove(s, name);
	close(fds[0]);
	close(fds[1]);
	return t;
}

/* As a reading of an assay with estimates is. */
static void append_reading(struct ledger *l, uint64_t n)
{
	CLEANUP(js_freep)
	json_t *part = js_pack(
		"{s:s, s:i, s:f, s:f, s:i, s:i, s:f, s:f, s:f, s:f, s:i, s:f, s:s,"
		" s:[], s:{s:[f,f], s:[f,f], s:[f,f], s:[f,f], s:[f,f]}}",
		"assay", "2", "n", (int)n, "live_s", 0.1 * (double)n, "real_s",
		0.102 * (double)n, "fast_count", 147238 + (int)n, "slow_count",
		74310 + (int)n, "fast_cps", 147238.0, "slow_cps", 74310.0,
		"dead", 0.495, "detector_k", 220.0, "board_c", 31, "hv_v",
		-110.0, "lost", "0", "flags", "estimate", "Ce", 34500.0, 1200.0,
		"La", 24540.0, 790.0, "Nd", 8880.0, 330.0, "Pr", 3020.0, 200.0,
		"Y", 65.8, 5.2);
	const struct ledger_entry e = {
		.kind = CHAIN_READING,
		.uid = 1000,
		.serial = RIG_SERIAL,
		.part = part,
	};

	if (!part || ledger_append(l, &e, NULL, NULL) < 0)
		bench_die("a reading");
}

static void batch(void)
{
	static const struct ledger_options options = { .software = "bench" };
	struct settings settings;
	struct service s = { .settings = &settings };
	CLEANUP(chain_record_deinit) struct chain_record r = { 0 };
	char why[200] = "";

	rig_start(&rig, NULL, NULL);
	rig_start_bus(&rig, true);
	if (settings_load(NULL, &settings, why, sizeof(why)) < 0 ||
	    ledger_open(rig.state, &options, &s.ledger, why, sizeof(why)) < 0)
		bench_die(why);
	for (uint64_t i = 0; i < N_READINGS; i++)
		append_reading(s.ledger, i);
	if (ledger_commit(s.ledger, NULL) < 0 ||
	    ledger_get(s.ledger, ledger_last(s.ledger), &r, NULL, NULL) < 0)
		bench_die(ledger_why(s.ledger));
	TAILQ_INIT(&s.followers);
	sender = rig_open(&rig);
	for (int i = 0; i < 4; i++) {
		bench_tell("readings to a client/s", "bare signals",
			   (double)N_SIGNALS * N_READINGS /
				   send_all(NULL, r.body));
		bench_tell("readings to a client/s", "Batch",
			   (double)N_SIGNALS * N_READINGS / send_all(&s, NULL));
	}
	sd_bus_flush_close_unref(sender);
	ledger_close(s.ledger);
	rig_stop(&rig);
}

/* ---- large ---------------------------------------------------------------- */

static void make_large(uint64_t n)
{
	static const struct ledger_options options = { .software = "bench" };
	struct ledger *l = NULL;
	char why[200] = "";

	if (ledger_open(rig.state, &options, &l, why, sizeof(why)) < 0)
		bench_die(why);
	for (uint64_t i = 1; i < n; i++) {
		append_reading(l, i);
		if (i % 512 == 0 && ledger_commit(l, NULL) < 0)
			bench_die(ledger_why(l));
	}
	if (ledger_commit(l, NULL) < 0)
		bench_die(ledger_why(l));
	ledger_close(l);
}

static int listen_to_service(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%.80s/notify", rig.dir);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		bench_die(a.sun_path);
	setenv("NOTIFY_SOCKET", a.sun_path, 1);
	return fd;
}

static void wait_ready(int fd)
{
	char text[512] = "";

	while (strncmp(text, "READY=1", 7)) {
		ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

		if (n < 0)
			bench_die("notify");
		text[n] = '\0';
	}
}

static double file_mb(void)
{
	char path[200];
	struct stat st;

	snprintf(path, sizeof(path), "%s/" LEDGER_FILE, rig.state);
	if (stat(path, &st) < 0)
		bench_die(path);
	return (double)st.st_size / 1e6;
}

static void large(void)
{
	const char *env = getenv("RECORDS");
	const uint64_t n = env ? strtoull(env, NULL, 10) : 1000000;
	double t, cpu_s;
	int fd;

	rig_start(&rig, NULL, NULL);
	make_large(n);
	rig_start_bus(&rig, true);
	fd = listen_to_service();
	t = now_s();
	rig_start_daemon(&rig);
	wait_ready(fd);
	/* Nobody reads what comes after it: a full socket would hold it up. */
	close(fd);
	bench_tell("start to READY, s", "a large ledger", now_s() - t);
	rig_connect(&rig);
	bench_tell("resident, MiB", "after the start",
		   (double)proc_kb(rig.daemon_pid, "VmRSS:") / 1024);
	sd_bus_set_method_call_timeout(rig.bus, 3600000000);
	t = now_s();
	cpu_s = proc_cpu_s(rig.daemon_pid);
	if (!rig_verifies(&rig))
		bench_die("it does not verify");
	bench_tell("verify, MB of the file/s", "by the clock",
		   file_mb() / (now_s() - t));
	bench_tell("verify, MB of the file/s", "of CPU",
		   file_mb() / (proc_cpu_s(rig.daemon_pid) - cpu_s));
	bench_tell("resident, MiB", "after Verify",
		   (double)proc_kb(rig.daemon_pid, "VmRSS:") / 1024);
	bench_tell("records", "a large ledger", (double)rig_last(&rig));
	rig_stop(&rig);
}

int main(int argc, char **argv)
{
	char folder[PATH_MAX];

	/* From the root on: what tells of READY takes no other path. */
	if (argc == 3 && realpath(argv[2], folder))
		setenv("TMPDIR", folder, 1);
	if (argc == 3 && !strcmp(argv[1], "publish"))
		publish();
	else if (argc == 3 && !strcmp(argv[1], "ways"))
		ways();
	else if (argc == 3 && !strcmp(argv[1], "batch"))
		batch();
	else if (argc == 3 && !strcmp(argv[1], "large"))
		large();
	else
		return 2;
	return 0;
}
