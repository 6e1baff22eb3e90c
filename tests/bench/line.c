// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * line [REPEAT [LIVE [SECONDS]]]: what the bridge of a PLC takes when nothing
 * happens, and when masters read all the time, each for so many seconds; then from the last count of an assay until a PLC can read
 * pass or fail by Modbus, beside a plain poll of D-Bus for the result's number.
 *
 * One loop asks emulator, daemon and bridge in turn, about once in a
 * millisecond, and notes when each of them first says that it is over; the
 * emulator stops counting at its own preset. So the figures hold the interval
 * at which the instrument is read, the last fit, the commit, and then what is
 * compared.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench.h"
#include "bus/plc.h"
#include "bus/proc.h"

#define ASSAY "org.reespec1.Assay"
#define STATE 1
#define TURNS_S 50
#define MASTERS 3
#define MASTER_READS 100

static struct rig rig;
static struct plc plc;
static int control = -1; /* of the emulator */

static void connect_control(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/control",
		 rig.dir);
	control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(control, (struct sockaddr *)&address, sizeof(address)) < 0)
		bench_die(address.sun_path);
}

static bool is_counting(void)
{
	char answer[1100];
	ssize_t n;

	if (send(control, "status\n", 7, MSG_NOSIGNAL) != 7)
		bench_die("control");
	n = recv(control, answer, sizeof(answer) - 1, 0);
	if (n <= 0)
		bench_die("control");
	answer[n] = '\0';
	return strstr(answer, " running=1");
}

static bool has_result(const char *path)
{
	uint64_t seq = 0;

	if (sd_bus_get_property_trivial(rig.bus, "org.reespec1", path, ASSAY,
					"Result", NULL, 't', &seq) < 0)
		bench_die("Result");
	return seq;
}

/* The path of the assay that runs. */
static void current(char *path, size_t size)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *text;

	if (sd_bus_get_property(rig.bus, "org.reespec1", RIG_SPECTROMETER,
				"org.reespec1.Spectrometer", "CurrentAssay",
				NULL, &m, "o") < 0 ||
	    sd_bus_message_read(m, "o", &text) < 0)
		bench_die("CurrentAssay");
	snprintf(path, size, "%s", text);
}

static void pulse(unsigned int coil)
{
	if (plc_coil(plc.fd, coil, false) || plc_coil(plc.fd, coil, true))
		bench_die("coil");
}

static void turn(void)
{
	double end = 0, by_bus = 0, by_register = 0;
	char path[128];

	if (!plc_wait_state(&plc, PLC_READY))
		exit(1);
	pulse(0);
	while (!is_counting())
		usleep(500);
	current(path, sizeof(path));
	while (!by_bus || !by_register) {
		if (!end && !is_counting())
			end = bench_clock_s(CLOCK_MONOTONIC);
		if (!by_bus && has_result(path))
			by_bus = bench_clock_s(CLOCK_MONOTONIC);
		if (!by_register &&
		    plc_read_one(plc.fd, STATE) == PLC_DONE[0] - '0')
			by_register = bench_clock_s(CLOCK_MONOTONIC);
		usleep(500);
	}
	pulse(2);
	bench_tell("last count to result, ms", "D-Bus, polled",
		   (by_bus - end) * 1e3);
	bench_tell("last count to result, ms", "Modbus, pass or fail",
		   (by_register - end) * 1e3);
	bench_tell("register behind D-Bus, ms", "Modbus",
		   (by_register - by_bus) * 1e3);
}

/* Of what one call of @turn in a fiftieth of a second makes it take. */
static void run_cost(const char *who, int seconds, void (*turn_of)(int *fds),
		     int *fds)
{
	const double cpu = bench_process_s(plc.pid);
	const double start = bench_clock_s(CLOCK_MONOTONIC);

	for (int i = 0; i < seconds * TURNS_S; i++) {
		const double wait = start + (double)i / TURNS_S -
				    bench_clock_s(CLOCK_MONOTONIC);

		if (wait > 0)
			usleep((useconds_t)(wait * 1e6));
		turn_of(fds);
	}
	bench_tell("reespec-modbus, % of a core", who,
		   (bench_process_s(plc.pid) - cpu) /
			   (bench_clock_s(CLOCK_MONOTONIC) - start) * 100);
}

static void rest(int *fds)
{
	(void)fds;
}

static void read_all(int *fds)
{
	uint16_t registers[MASTER_READS];

	for (int i = 0; i < MASTERS; i++)
		if (!plc_read(fds[i], 0, MASTER_READS, registers))
			bench_die("a master was not answered");
}

static void run_costs(int seconds)
{
	int fds[MASTERS];

	if (!plc_wait_state(&plc, PLC_READY))
		exit(1);
	for (int i = 0; i < MASTERS; i++)
		fds[i] = plc_dial(&plc);
	run_cost("nobody reads", seconds, rest, fds);
	run_cost("3 read 100 in 20 ms", seconds, read_all, fds);
	for (int i = 0; i < MASTERS; i++)
		close(fds[i]);
	bench_tell("reespec-modbus, MB", "resident",
		   (double)proc_kb(plc.pid, "VmRSS:") / 1024);
}

int main(int argc, char **argv)
{
	const int n = argc > 1 ? atoi(argv[1]) : 9;
	const int live_s = argc > 2 ? atoi(argv[2]) : 3;
	const int seconds = argc > 3 ? atoi(argv[3]) : 20;
	const uint16_t order[] = { 'A' << 8 | 'B' };
	const uint16_t how[] = { 1, (uint16_t)live_s };

	rig_start(&rig, "--settle 0 --time-scale 1", "idle");
	plc_start(&plc, &rig);
	run_costs(seconds);
	connect_control();
	if (plc_write(plc.fd, 0, 1, order) || plc_write(plc.fd, 16, 2, how))
		bench_die("registers");
	for (int i = 0; i < n; i++)
		turn();
	close(control);
	plc_stop(&plc);
	rig_stop(&rig);
	return 0;
}
