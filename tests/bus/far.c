// SPDX-License-Identifier: GPL-2.0-or-later
/* Starts and ends NATS, PostgreSQL and what stands between them. */
#include "far.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define POSTGRES "/usr/lib/postgresql/15/bin/"
#define NOBODY 65534
#define SECONDS 30

static void pause_shortly(void)
{
	nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
}

/* Ends with the test. PostgreSQL refuses root, so root becomes nobody. */
static pid_t spawn(const char *log, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));

static pid_t spawn(const char *log, const char *format, ...)
{
	static const char drop[] =
		"setpriv --reuid 65534 --regid 65534 --clear-groups"
		" --pdeathsig KILL ";
	char command[4600];
	char line[5000];
	va_list args;
	pid_t pid;
	int fd;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	snprintf(line, sizeof(line), "exec %s%s", geteuid() ? "" : drop,
		 command);
	pid = fork();
	if (pid < 0)
		rig_die("fork: %s", strerror(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
	dup2(fd, 1);
	dup2(fd, 2);
	execl("/bin/sh", "sh", "-c", line, NULL);
	_exit(127);
}

static const char *program(const char *name)
{
	static char path[4200];
	const char *out = getenv("O");

	/* The programs are started from another folder's point of view. */
	if (!realpath(out ? out : ".build", path))
		rig_die("no %s", out ? out : ".build");
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s", name);
	return path;
}

/* ---- NATS ------------------------------------------------------------------ */

int far_free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		rig_die("no free port: %s", strerror(errno));
	close(fd);
	return ntohs(a.sin_port);
}

static bool is_open(const struct far *f)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)f->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is = false;

	inet_pton(AF_INET, f->host, &a.sin_addr);
	is = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	close(fd);
	return is;
}

void far_start_nats(struct far *f)
{
	const uint64_t until =
		clock_monotonic_ns() + (uint64_t)(rig_patience(SECONDS) * 1e9);
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/nats.conf", f->dir);
	file = fopen(path, "w");
	if (!file)
		rig_die("%s: %s", path, strerror(errno));
	fprintf(file,
		"listen: %s:%d\njetstream {\n store_dir: \"%s/kept\"\n"
		" max_file: 500MB\n max_mem: 10MB\n}\n%s\n",
		f->host, f->port, f->dir, f->nats_more ? f->nats_more : "");
	fclose(file);
	snprintf(path, sizeof(path), "%s/nats.log", f->dir);
	f->nats_pid = spawn(path, "nats-server -c %s/nats.conf", f->dir);
	while (!is_open(f)) {
		if (clock_monotonic_ns() > until)
			rig_die("nats-server does not come up: see %s", path);
		pause_shortly();
	}
}

/* ---- PostgreSQL ------------------------------------------------------------ */

static const char *conninfo(const struct far *f)
{
	static char text[200];

	snprintf(text, sizeof(text),
		 "host=%s/kept dbname=postgres user=reespec", f->dir);
	return text;
}

void far_start_postgres(struct far *f)
{
	const uint64_t until =
		clock_monotonic_ns() + (uint64_t)(rig_patience(SECONDS) * 1e9);
	char path[128];

	snprintf(path, sizeof(path), "%s/postgres.log", f->dir);
	while (PQping(conninfo(f)) != PQPING_OK) {
		/* The children of one that was killed hold its memory until
		 * they have noticed: a start before that fails. */
		if (f->postgres_pid <= 0 ||
		    waitpid(f->postgres_pid, NULL, WNOHANG) != 0)
			f->postgres_pid =
				spawn(path,
				      POSTGRES
				      "postgres -D %s/kept/data -k %s/kept"
				      " -c listen_addresses='' -c"
				      " shared_buffers=4MB",
				      f->dir, f->dir);
		if (clock_monotonic_ns() > until)
			rig_die("postgres does not come up: see %s", path);
		pause_shortly();
	}
}

static void wait_done(pid_t pid, const char *what)
{
	int status = -1;

	waitpid(pid, &status, 0);
	if (status)
		rig_die("%s fails", what);
}

static void make_folder(char *dir, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	char path[128];

	snprintf(dir, size, "%.40s/far-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir) || chmod(dir, 0755) < 0)
		rig_die("%s: %s", dir, strerror(errno));
	snprintf(path, sizeof(path), "%s/kept", dir);
	if (mkdir(path, 0700) < 0 ||
	    (!geteuid() && chown(path, NOBODY, NOBODY) < 0))
		rig_die("%s: %s", path, strerror(errno));
}

static int unlink_one(const char *path, const struct stat *st, int flag,
		      struct FTW *walk)
{
	(void)st, (void)flag, (void)walk;
	return remove(path);
}

static struct {
	char dir[64];
	pid_t pid;
} cluster;

void far_make_cluster(void)
{
	char log[128];

	cluster.pid = getpid();
	make_folder(cluster.dir, sizeof(cluster.dir));
	snprintf(log, sizeof(log), "%s/initdb.log", cluster.dir);
	wait_done(spawn(log,
			POSTGRES "initdb -D %s/kept/data -A trust --no-sync"
				 " -E UTF8 --locale=C -U reespec",
			cluster.dir),
		  "initdb");
}

/* The tests are children of the program, some of which end by exit(). */
void far_remove_cluster(void)
{
	if (cluster.pid == getpid())
		nftw(cluster.dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void run_query(struct far *f, const char *format, va_list args,
		      char *ret, size_t size)
{
	char sql[2000];
	PGresult *result;

	ret[0] = 0;
	vsnprintf(sql, sizeof(sql), format, args);
	if (!f->db || PQstatus(f->db) != CONNECTION_OK) {
		PQfinish(f->db);
		f->db = PQconnectdb(conninfo(f));
	}
	result = PQexec(f->db, sql);
	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result))
		snprintf(ret, size, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
}

void far_tell_log(const char *dir, const char *name)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	char path[128];
	const char *from;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (buf_read_file(&b, path, 1 << 20) < 0 || !b.data)
		return;
	from = b.data + (b.len > 1500 ? b.len - 1500 : 0);
	for (const char *end; *from; from = end + (*end == '\n')) {
		end = strchrnul(from, '\n');
		printf("# %s: %.*s\n", name, (int)(end - from), from);
	}
	fflush(stdout);
}

const char *far_ask(struct far *f, const char *format, ...)
{
	static char text[1 << 21];
	va_list args;

	va_start(args, format);
	run_query(f, format, args, text, sizeof(text));
	va_end(args);
	return text;
}

bool far_wait(struct far *f, const char *value, const char *format, ...)
{
	const uint64_t until =
		clock_monotonic_ns() + (uint64_t)(rig_patience(SECONDS) * 1e9);
	char text[500];
	va_list args;

	for (;;) {
		va_start(args, format);
		run_query(f, format, args, text, sizeof(text));
		va_end(args);
		if (!strcmp(text, value))
			return true;
		if (clock_monotonic_ns() > until)
			break;
		pause_shortly();
	}
	printf("# the database says %s, wanted %s\n", text, value);
	far_tell_log(f->dir, "sink.log");
	far_tell_log(f->dir, "nats.log");
	return false;
}

/* ---- the programs ---------------------------------------------------------- */

static FILE *open_config(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		rig_die("%s: %s", path, strerror(errno));
	return file;
}

static void write_nats(const struct far *f, FILE *file)
{
	fprintf(file, "[nats]\nservers = nats://%s:%d\n%s\n", f->host, f->port,
		f->client_more ? f->client_more : "");
}

void far_start_sink(struct far *f, const char *options)
{
	char path[128];
	char log[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/pgsink.conf", f->dir);
	file = open_config(path);
	write_nats(f, file);
	fprintf(file, "[postgresql]\nconnection = %s\n", conninfo(f));
	if (*f->sink_keys)
		fprintf(file, "[trust]\nkeys = %s\n", f->sink_keys);
	fclose(file);
	snprintf(log, sizeof(log), "%s/sink.log", f->dir);
	f->sink_pid = spawn(log, "%s --config %s %s", program("reespec-pgsink"),
			    path, options);
}

/* Not as nobody: a reader's name belongs to the user who is on the bus. */
pid_t far_start_bridge(struct far *f, struct rig *r, const char *site,
		       const char *line, const char *options)
{
	char command[5000];
	char path[128];
	char log[128];
	FILE *file;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/nats.conf", r->dir);
	snprintf(log, sizeof(log), "%s/nats.log", r->dir);
	file = open_config(path);
	fprintf(file, "[ledger]\nbus = %s\n", r->address);
	write_nats(f, file);
	fprintf(file, "site = %s\nline = %s\n", site, line);
	fclose(file);
	snprintf(command, sizeof(command), "exec %s %s --config %s %s",
		 f->bridge_by, program("reespec-nats"), path, options);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	dup2(open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

struct stream *far_stream(struct far *f)
{
	char server[64], name[] = "REESPEC", none[] = "";
	char *servers[] = { server, NULL };
	struct stream_settings set = { servers, name, none, none,
				       none,	none, none, none };
	struct stream *s = NULL;
	char why[400];

	snprintf(server, sizeof(server), "nats://%s:%d", f->host, f->port);
	if (stream_open(&set, "test", &s, why, sizeof(why)) < 0)
		printf("# %s\n", why);
	return s;
}

bool far_publish(struct stream *s, const char *subject, const void *data,
		 size_t len)
{
	static unsigned int n;
	uint64_t seq;
	char id[64];

	snprintf(id, sizeof(id), "%d-%u", (int)getpid(), n++);
	return stream_publish(s, subject, id, data, len, &seq) == 0;
}

bool far_has_ledger(struct far *f, const char *ledger, uint64_t last)
{
	char n[48];

	snprintf(n, sizeof(n), "%" PRIu64 " %" PRIu64, last, last);
	return far_wait(f, n,
			"SELECT count(*) || ' ' || max(seq) FROM reespec.record"
			" WHERE ledger = '%s'",
			ledger);
}

unsigned int far_says(const char *path, const char *text)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	unsigned int n = 0;

	if (buf_read_file(&b, path, 1 << 24) < 0 || !b.data)
		return 0;
	for (const char *at = b.data; (at = strstr(at, text)); at++)
		n++;
	return n;
}

bool far_wait_says_often(const char *path, const char *text, unsigned int n)
{
	const uint64_t until =
		clock_monotonic_ns() + (uint64_t)(rig_patience(SECONDS) * 1e9);

	while (far_says(path, text) < n) {
		if (clock_monotonic_ns() > until) {
			printf("# %s does not say %u times: %s\n", path, n,
			       text);
			fflush(stdout);
			return false;
		}
		pause_shortly();
	}
	return true;
}

bool far_wait_says(const char *path, const char *text)
{
	return far_wait_says_often(path, text, 1);
}

bool far_sink_says(struct far *f, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/sink.log", f->dir);
	return far_wait_says(path, text);
}

/* ---- the whole ------------------------------------------------------------- */

void far_start(struct far *f)
{
	char log[128];

	make_folder(f->dir, sizeof(f->dir));
	if (!*f->host)
		strcpy(f->host, "127.0.0.1");
	f->port = far_free_port();
	far_start_nats(f);
	snprintf(log, sizeof(log), "%s/copy.log", f->dir);
	wait_done(spawn(log, "cp -r %s/kept/data %s/kept", cluster.dir, f->dir),
		  "cp");
	far_start_postgres(f);
	far_start_sink(f, "");
}

void far_stop(struct far *f)
{
	PQfinish(f->db);
	f->db = NULL;
	rig_kill(&f->sink_pid, SIGTERM);
	rig_kill(&f->postgres_pid, SIGQUIT);
	rig_kill(&f->nats_pid, SIGTERM);
	nftw(f->dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}
