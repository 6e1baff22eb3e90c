// SPDX-License-Identifier: GPL-2.0-or-later
/* Starts, watches and ends the programs of a bus test. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

/* Until what was asked for has come: a second here, more on a busy machine. */
#define PATIENCE_S 60
#define CALL_S 25 /* a call, as without this */

void rig_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	exit(1);
}

static const char *program(const char *name)
{
	static char path[4200];
	const char *out = getenv("O");

	snprintf(path, sizeof(path), "%s/%s", out ? out : ".build", name);
	return path;
}

/* The program ends with the test, however the test ends. */
static pid_t spawn(const struct rig *r, const char *command, const char *log)
{
	pid_t pid = fork();

	if (pid < 0)
		rig_die("fork: %s", strerror(errno));
	if (pid)
		return pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

	dup2(fd, 1);
	dup2(fd, 2);
	if (r->fsize_limit && strstr(command, "reespecd")) {
		struct rlimit limit;

		getrlimit(RLIMIT_FSIZE, &limit);
		limit.rlim_cur = r->fsize_limit;
		setrlimit(RLIMIT_FSIZE, &limit);
	}
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

static double now_s(void)
{
	return clock_monotonic_ns() / 1e9;
}

double rig_patience(double seconds)
{
	const char *times = getenv("PATIENCE"); /* tests/watched */

	return seconds * (times ? atof(times) : 1);
}

/* For what no message tells: a socket that appears. */
static void wait_path(const char *path)
{
	const double until = now_s() + rig_patience(10);

	while (access(path, F_OK) < 0) {
		if (now_s() > until)
			rig_die("%s does not appear", path);
		nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	}
}

/* The path of a socket is there before anybody listens. */
static void wait_listening(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const double until = now_s() + rig_patience(10);
	int r;

	wait_path(path);
	snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", path);
	do {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		r = connect(fd, (struct sockaddr *)&a, sizeof(a));
		close(fd);
		if (r < 0 && now_s() > until)
			rig_die("nobody listens at %s", path);
	} while (r < 0);
}

void rig_start_bus(struct rig *r, bool may_own)
{
	char command[512];
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/bus.conf", r->dir);
	snprintf(r->address, sizeof(r->address), "unix:path=%s/bus", r->dir);
	f = fopen(path, "w");
	if (!f)
		rig_die("%s: %s", path, strerror(errno));
	/* Without <limit>, the daemon's own are those of the system bus. */
	fprintf(f,
		"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus "
		"Configuration 1.0//EN\" \"http://www.freedesktop.org/"
		"standards/dbus/1.0/busconfig.dtd\">\n"
		"<busconfig><type>system</type><listen>%s</listen>"
		"<servicedir>%s/services</servicedir>"
		"<policy context=\"default\"><allow user=\"*\"/>%s"
		"<allow send_type=\"method_call\"/>"
		"<allow send_destination=\"*\"/><allow receive_sender=\"*\"/>"
		"</policy></busconfig>\n",
		r->address, r->dir, may_own ? "<allow own=\"*\"/>" : "");
	fclose(f);
	snprintf(command, sizeof(command),
		 "exec dbus-daemon --config-file=%s --nofork --nopidfile",
		 path);
	snprintf(path, sizeof(path), "%s/bus.log", r->dir);
	r->bus_pid = spawn(r, command, path);
	snprintf(path, sizeof(path), "%s/bus", r->dir);
	wait_listening(path);
}

void rig_start_emu(struct rig *r, const char *options)
{
	char command[5000];
	char path[128];

	snprintf(command, sizeof(command),
		 "exec %s --spectrum tests/data/BST-ORE.mca --seed 7"
		 " --serial " RIG_SERIAL " --socket %s/dp5 --control %s/control"
		 " --time-scale 20 %s",
		 program("dp5emu"), r->dir, r->dir, options);
	snprintf(path, sizeof(path), "%s/emu.log", r->dir);
	r->emu_pid = spawn(r, command, path);
	snprintf(path, sizeof(path), "%s/dp5", r->dir);
	wait_path(path);
}

void rig_fail(struct rig *r, bool is_failing)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/fail", r->dir);
	if (!is_failing) {
		unlink(path);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		rig_die("%s: %s", path, strerror(errno));
	close(fd);
}

void rig_set_clock(struct rig *r, long off_s)
{
	char path[128], next[136];
	FILE *f;

	snprintf(path, sizeof(path), "%s/clock", r->dir);
	snprintf(next, sizeof(next), "%s.next", path);
	f = fopen(next, "we");
	if (!f || fprintf(f, "%ld\n", off_s) < 0 || fclose(f) ||
	    rename(next, path) < 0)
		rig_die("%s: %s", path, strerror(errno));
}

static void daemon_command(struct rig *r, const char *options, char *command,
			   size_t size)
{
	char preload[4600] = "";
	char name[64];

	snprintf(name, sizeof(name), "test/preload/%s.so",
		 r->preload ? r->preload : "");
	if (r->preload)
		snprintf(preload, sizeof(preload),
			 "env REESPEC_FAIL=%s/fail REESPEC_CLOCK=%s/clock "
			 "LD_PRELOAD=%s ",
			 r->dir, r->dir, program(name));
	snprintf(command, size, "%sexec %s%s --state %s --methods %s %s",
		 r->before ? r->before : "", preload, program("reespecd"),
		 r->state, r->methods, options);
}

void rig_start_daemon(struct rig *r)
{
	char command[10000];
	char options[500];

	snprintf(options, sizeof(options),
		 "--bus %s --instrument socket:%s/%s --verbose %s", r->address,
		 r->dir, r->instrument, r->options);
	daemon_command(r, options, command, sizeof(command));
	r->daemon_pid = spawn(r, command, r->log);
}

int rig_run_daemon(struct rig *r, const char *options)
{
	char command[10000];
	int status = 0;
	pid_t pid;

	daemon_command(r, options, command, sizeof(command));
	pid = spawn(r, command, r->log);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int rig_kill(pid_t *pid, int sig)
{
	int status = -1;

	if (*pid > 0) {
		kill(*pid, sig);
		waitpid(*pid, &status, 0);
	}
	*pid = 0;
	return status;
}

bool rig_emu(struct rig *r, const char *command)
{
	char line[5000];

	snprintf(line, sizeof(line),
		 "%s ctl --control %s/control %s >/dev/null 2>&1",
		 program("dp5emu"), r->dir, command);
	return system(line) == 0;
}

bool rig_log_has(struct rig *r, const char *text)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };

	return buf_read_file(&b, r->log, 1 << 20) >= 0 && b.data &&
	       strstr(b.data, text);
}

void rig_method(struct rig *r, const char *name, const char *from,
		const char *to)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	char path[256];
	char *at;
	FILE *f;

	if (buf_read_file(&b, "daemon/methods/ore-l.ini", 1 << 20) < 0)
		rig_die("no daemon/methods/ore-l.ini; run from the top folder");
	at = strstr(b.data, from);
	if (!at)
		rig_die("ore-l.ini does not hold %s", from);
	snprintf(path, sizeof(path), "%s/%s.ini", r->methods, name);
	f = fopen(path, "w");
	fprintf(f, "%.*s%s%s", (int)(at - b.data), b.data, to,
		at + strlen(from));
	fclose(f);
}

/* ---- the client ----------------------------------------------------------- */

static int on_finished(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *verdict;
	const char *sample;
	const char *assay;
	struct rig *r = arg;

	(void)error;
	if (sd_bus_message_read(m, "osst", &assay, &sample, &verdict,
				&r->result) < 0)
		rig_die("AssayFinished of another form");
	snprintf(r->verdict, sizeof(r->verdict), "%s", verdict);
	snprintf(r->sample, sizeof(r->sample), "%s", sample);
	r->n_finished++;
	return 0;
}

static int on_batch(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct rig *r = arg;
	struct rig_batch *b = &r->batches[r->n_batches];
	const char *reading;
	const char *head;
	int is_more;

	(void)error;
	if (r->n_batches == RIG_BATCHES_MAX)
		rig_die("more batches than expected");
	if (sd_bus_message_read(m, "ttsb", &b->first, &b->last, &head,
				&is_more) < 0 ||
	    sd_bus_message_enter_container(m, 'a', "s") < 0)
		rig_die("Batch of another form");
	while (sd_bus_message_read(m, "s", &reading) > 0)
		b->n_readings++;
	snprintf(b->head, sizeof(b->head), "%s", head);
	b->is_more = is_more;
	r->n_batches++;
	return 0;
}

static bool is_named(struct rig *r)
{
	return rig_text(r, RIG_ROOT, "org.reespec1.Manager", "Version")[0];
}

sd_bus *rig_open(struct rig *r)
{
	sd_bus *bus = NULL;
	int e;

	e = sd_bus_new(&bus);
	if (e >= 0)
		e = sd_bus_set_address(bus, r->address);
	if (e >= 0)
		e = sd_bus_set_bus_client(bus, 1);
	if (e >= 0)
		e = sd_bus_negotiate_fds(bus, 1);
	if (e >= 0)
		e = sd_bus_start(bus);
	if (e >= 0)
		e = sd_bus_set_method_call_timeout(
			bus, (uint64_t)(rig_patience(CALL_S) * 1e6));
	if (e < 0)
		rig_die("no client on %s: %s", r->address, strerror(-e));
	return bus;
}

void rig_keep_no_days(struct rig *r)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/reespecd.conf", r->dir);
	f = fopen(path, "we");
	if (!f || fputs("[ledger]\nkeep_days = 0\n", f) < 0 || fclose(f))
		rig_die("%s", path);
	snprintf(r->options, sizeof(r->options), "--config %s", path);
}

void rig_connect(struct rig *r)
{
	int e;

	r->bus = sd_bus_flush_close_unref(r->bus);
	r->bus = rig_open(r);
	e = sd_bus_match_signal(r->bus, NULL, NULL, RIG_ROOT,
				"org.reespec1.Manager", "AssayFinished",
				on_finished, r);
	if (e >= 0)
		e = sd_bus_match_signal(r->bus, NULL, NULL, RIG_ROOT,
					"org.reespec1.Ledger", "Batch",
					on_batch, r);
	/* Only to be woken: states are read when anything changed. */
	if (e >= 0)
		e = sd_bus_add_match(r->bus, NULL,
				     "type='signal',sender='org.reespec1'",
				     NULL, NULL);
	if (e < 0)
		rig_die("no client on %s: %s", r->address, strerror(-e));
	if (r->daemon_pid && !rig_wait(r, PATIENCE_S, is_named))
		rig_die("the daemon does not come up");
}

void rig_start(struct rig *r, const char *emu, const char *state)
{
	const char *tmp = getenv("TMPDIR");
	char command[512];

	memset(r, 0, sizeof(*r));
	r->instrument = "dp5";
	snprintf(r->dir, sizeof(r->dir), "%.40s/rig-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(r->dir))
		rig_die("%s: %s", r->dir, strerror(errno));
	snprintf(r->state, sizeof(r->state), "%s/state", r->dir);
	snprintf(r->methods, sizeof(r->methods), "%s/methods", r->dir);
	snprintf(r->log, sizeof(r->log), "%s/daemon.log", r->dir);
	mkdir(r->state, 0700);
	snprintf(command, sizeof(command), "cp -r daemon/methods %s",
		 r->methods);
	if (system(command))
		rig_die("no daemon/methods; run from the top folder");
	if (access(program("reespecd"), X_OK) < 0)
		rig_die("no %s", program("reespecd"));

	if (!emu)
		return;
	rig_start_bus(r, true);
	rig_start_emu(r, emu);
	rig_start_daemon(r);
	rig_connect(r);
	if (!rig_wait_text(r, PATIENCE_S, RIG_SPECTROMETER,
			   "org.reespec1.Spectrometer", "State", state))
		rig_die("the instrument is not %s", state);
}

static int unlink_one(const char *path, const struct stat *st, int flag,
		      struct FTW *walk)
{
	(void)st;
	(void)flag;
	(void)walk;
	return remove(path);
}

void rig_stop(struct rig *r)
{
	static const char *const never[] = { "is not in the table", "Sanitizer",
					     "runtime error" };
	const char *found = NULL;

	r->bus = sd_bus_flush_close_unref(r->bus);
	rig_kill(&r->daemon_pid, SIGTERM);
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		if (rig_log_has(r, never[i]))
			found = never[i];
	rig_kill(&r->emu_pid, SIGTERM);
	rig_kill(&r->bus_pid, SIGTERM);
	nftw(r->dir, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
	if (found)
		rig_die("the daemon said: %s", found);
}

/* ---- waiting -------------------------------------------------------------- */

bool rig_wait(struct rig *r, double seconds, bool (*test)(struct rig *r))
{
	const double until = now_s() + rig_patience(seconds);
	int e;

	while (!test(r)) {
		if (now_s() > until)
			return false;
		e = sd_bus_process(r->bus, NULL);
		/* Polled properties announce nothing: look twice a second. */
		if (e == 0)
			e = sd_bus_wait(r->bus, 500000);
		if (e < 0)
			return false;
	}
	return true;
}

static struct {
	const char *path;
	const char *interface;
	const char *property;
	const char *value;
} wanted;

static bool is_wanted(struct rig *r)
{
	return !strcmp(rig_text(r, wanted.path, wanted.interface,
				wanted.property),
		       wanted.value);
}

bool rig_wait_text(struct rig *r, double seconds, const char *path,
		   const char *interface, const char *property,
		   const char *value)
{
	wanted.path = path;
	wanted.interface = interface;
	wanted.property = property;
	wanted.value = value;
	return rig_wait(r, seconds, is_wanted);
}

bool rig_wait_state(struct rig *r, const char *value)
{
	return rig_wait_text(r, PATIENCE_S, RIG_SPECTROMETER,
			     "org.reespec1.Spectrometer", "State", value);
}

static unsigned int wanted_n;

static bool has_finished(struct rig *r)
{
	return r->n_finished >= wanted_n;
}

static bool has_batches(struct rig *r)
{
	return r->n_batches >= wanted_n;
}

bool rig_wait_finished(struct rig *r, unsigned int n)
{
	wanted_n = n;
	return rig_wait(r, PATIENCE_S, has_finished);
}

bool rig_wait_batches(struct rig *r, unsigned int n)
{
	wanted_n = n;
	return rig_wait(r, PATIENCE_S, has_batches);
}

void rig_settle(struct rig *r)
{
	rig_text(r, RIG_ROOT, "org.reespec1.Manager", "Version");
	while (sd_bus_process(r->bus, NULL) > 0)
		;
}
