// SPDX-License-Identifier: GPL-2.0-or-later
/* dp5emu: an Amptek X-123 in software. Options, start and end. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "dp5emu/control.h"
#include "dp5emu/ffs.h"
#include "dp5emu/socket.h"
#include "dp5emu/usbip.h"

#define CONTROL_DEFAULT "/run/dp5emu/control"
#define TICK_NS (LINK_GAP_NS / 2)

struct options {
	struct instrument_options ins;
	const char *spectrum; /* or */
	const char *replay;
	bool has_serial;
	double rate_cps;
	double time_scale;
	int timing; /* -1: as the port has it */
	const char *control;
	const char *socket; /* NULL: USB */
	struct ffs_options ffs;
	struct usbip_options usbip;
};

enum {
	OPT_SPECTRUM = 256,
	OPT_REPLAY,
	OPT_RATE,
	OPT_SEED,
	OPT_SERIAL,
	OPT_SOCKET,
	OPT_UDC,
	OPT_USBIP,
	OPT_FULL_SPEED,
	OPT_NAME,
	OPT_STRICT_ZLP,
	OPT_CONTROL,
	OPT_PROFILE,
	OPT_DETECTOR,
	OPT_SETTLE,
	OPT_REF_GAIN,
	OPT_BOOT,
	OPT_FLASH,
	OPT_TIMING,
	OPT_TIME_SCALE,
	OPT_HELP,
};

static const struct option long_options[] = {
	{ "spectrum", required_argument, NULL, OPT_SPECTRUM },
	{ "replay", required_argument, NULL, OPT_REPLAY },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "serial", required_argument, NULL, OPT_SERIAL },
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "udc", required_argument, NULL, OPT_UDC },
	{ "usbip", required_argument, NULL, OPT_USBIP },
	{ "full-speed", no_argument, NULL, OPT_FULL_SPEED },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "strict-zlp", no_argument, NULL, OPT_STRICT_ZLP },
	{ "control", required_argument, NULL, OPT_CONTROL },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "detector", required_argument, NULL, OPT_DETECTOR },
	{ "settle", required_argument, NULL, OPT_SETTLE },
	{ "cold-start", required_argument, NULL, OPT_SETTLE },
	{ "ref-gain", required_argument, NULL, OPT_REF_GAIN },
	{ "boot", required_argument, NULL, OPT_BOOT },
	{ "flash", required_argument, NULL, OPT_FLASH },
	{ "timing", required_argument, NULL, OPT_TIMING },
	{ "time-scale", required_argument, NULL, OPT_TIME_SCALE },
	{ "speed", required_argument, NULL, OPT_TIME_SCALE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static const char usage_text[] =
	"usage: dp5emu --spectrum FILE.mca [options]\n"
	"       dp5emu --replay FILE [options]\n"
	"       dp5emu ctl [--control PATH] COMMAND [ARG...]\n"
	"\n"
	"  --spectrum FILE    what the detector sees (.mca with calibration)\n"
	"  --replay FILE      answer with the spectra that cat /dev/dp5-N wrote\n"
	"  --rate CPS         pulses a second (default: the file's own)\n"
	"  --seed N           random numbers (default: from the clock, printed)\n"
	"  --serial N|none    serial number (default 38563)\n"
	"  --udc NAME         USB device controller (default: the only one)\n"
	"  --usbip PORT       a device at this port of vhci_hcd, no gadget\n"
	"  --full-speed       of that device (default: high speed)\n"
	"  --name NAME        of the gadget (default dp5emu)\n"
	"  --socket PATH      serve the port socket instead of a USB gadget\n"
	"  --control PATH     control socket (default " CONTROL_DEFAULT ")\n"
	"  --profile NAME     6.10.04, 6.08.06, 6.02 or mini-x2\n"
	"  --detector NAME    sdd, cdte or sipin\n"
	"  --settle S         cooling time to 220 K (default 50; 0: at once)\n"
	"  --ref-gain G       gain at which the file's channels hold (23.5)\n"
	"  --boot on|off      restore the stored settings at power-up (on)\n"
	"  --flash FILE       keep the stored settings in a file\n"
	"  --timing real|fast answer as slowly as a real unit, or at once\n"
	"  --strict-zlp       a request of full packets waits for its terminator\n"
	"  --time-scale X     run the instrument's clock X times faster (tests)\n"
	"\n"
	"Commands of ctl: sample FILE, rate CPS, seed N, temp K, hv V, status,\n"
	"plug, unplug, quit, fault none, fault NAME [ARG] [N],\n"
	"descriptors FILE|own.\n";

static int complain(const char *option, const char *value, const char *wanted)
{
	fprintf(stderr, "dp5emu: --%s %s: expected %s\n", option, value,
		wanted);
	return -EINVAL;
}

static int take_number(const char *option, const char *value, double min,
		       double max, double *ret)
{
	char *end;
	double v = strtod(value, &end);
	char wanted[64];

	snprintf(wanted, sizeof(wanted), "a number from %g to %g", min, max);
	if (end == value || *end || !(v >= min && v <= max))
		return complain(option, value, wanted);
	*ret = v;
	return 0;
}

static bool parse_whole(const char *value, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(value, &end, 0);
	return end != value && !*end && *value != '-' && !errno;
}

static int take_choice(const char *option, const char *value, const char *no,
		       const char *yes, int *ret)
{
	char wanted[64];

	snprintf(wanted, sizeof(wanted), "%s or %s", yes, no);
	if (strcmp(value, yes) && strcmp(value, no))
		return complain(option, value, wanted);
	*ret = !strcmp(value, yes);
	return 0;
}

/* From 0x80000000 on the number means that there is none. */
static int take_serial(struct options *o, const char *value)
{
	uint64_t whole = 0xffffffff;

	if (strcmp(value, "none") &&
	    (!parse_whole(value, &whole) || whole > 0x7fffffff))
		return complain("serial", value,
				"none or a number up to 2147483647");
	o->ins.serial = (uint32_t)whole;
	o->has_serial = true;
	return 0;
}

/* It becomes part of paths. */
static int take_name(struct options *o, const char *value)
{
	if (!*value || strlen(value) > 24 || strchr(value, '/') ||
	    value[0] == '.')
		return complain("name", value, "a plain name of 24 letters");
	o->ffs.name = value;
	return 0;
}

static int take_option(struct options *o, int opt, const char *value)
{
	double port = -1;
	int r, choice;

	switch (opt) {
	case OPT_SPECTRUM:
		o->spectrum = value;
		return 0;
	case OPT_REPLAY:
		o->replay = value;
		return 0;
	case OPT_RATE:
		return take_number("rate", value, 0, 1e7, &o->rate_cps);
	case OPT_SEED:
		if (parse_whole(value, &o->ins.seed))
			return 0;
		return complain("seed", value, "a whole number");
	case OPT_SERIAL:
		return take_serial(o, value);
	case OPT_SOCKET:
		o->socket = value;
		return 0;
	case OPT_UDC:
		o->ffs.udc = value;
		return 0;
	case OPT_USBIP:
		r = take_number("usbip", value, 0, 7, &port);
		o->usbip.port = (int)port;
		return r;
	case OPT_FULL_SPEED:
		o->usbip.is_full_speed = true;
		return 0;
	case OPT_NAME:
		return take_name(o, value);
	case OPT_STRICT_ZLP:
		o->ffs.is_strict_zlp = true;
		o->usbip.is_strict_zlp = true;
		return 0;
	case OPT_CONTROL:
		o->control = value;
		return 0;
	case OPT_PROFILE:
		o->ins.profile = profile_find(value);
		return o->ins.profile
			       ? 0
			       : complain("profile", value, profile_names());
	case OPT_DETECTOR:
		o->ins.detector = detector_find(value);
		return o->ins.detector
			       ? 0
			       : complain("detector", value, detector_names());
	case OPT_SETTLE:
		return take_number("settle", value, 0, 3600, &o->ins.settle_s);
	case OPT_REF_GAIN:
		return take_number("ref-gain", value, 0.1, 1000,
				   &o->ins.ref_gain);
	case OPT_BOOT:
		r = take_choice("boot", value, "off", "on", &choice);
		if (!r)
			o->ins.is_boot_on = choice;
		return r;
	case OPT_FLASH:
		o->ins.flash_path = value;
		return 0;
	case OPT_TIMING:
		return take_choice("timing", value, "fast", "real", &o->timing);
	case OPT_TIME_SCALE:
		return take_number("time-scale", value, 1e-3, 100,
				   &o->time_scale);
	case OPT_HELP:
		fputs(usage_text, stdout);
		exit(0);
	default:
		return -EINVAL;
	}
}

static uint64_t seed_from_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static int parse_options(struct options *o, int argc, char **argv)
{
	int opt;

	*o = (struct options){
		.ins = {
			.profile = profile_find("6.10.04"),
			.detector = detector_find("sdd"),
			.serial = 38563,
			.seed = seed_from_clock(),
			.settle_s = 50,
			.ref_gain = 23.5,
			.is_boot_on = true,
		},
		.rate_cps = NAN,
		.time_scale = 1,
		.timing = -1,
		.control = CONTROL_DEFAULT,
		.ffs.name = "dp5emu",
		.usbip.port = -1,
	};
	while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		int r = take_option(o, opt == 'h' ? OPT_HELP : opt, optarg);

		if (r < 0)
			return r;
	}
	if (optind < argc) {
		fprintf(stderr, "dp5emu: %s: not an option\n", argv[optind]);
		return -EINVAL;
	}
	if (!o->spectrum && !o->replay) {
		fprintf(stderr,
			"dp5emu: --spectrum FILE.mca or --replay FILE is missing\n");
		return -EINVAL;
	}
	return 0;
}

/* dp5emu ctl [--control PATH] COMMAND... */
static int run_ctl(int argc, char **argv)
{
	const char *path = CONTROL_DEFAULT;
	int first = 2;

	if (argc > 3 && !strcmp(argv[2], "--control")) {
		path = argv[3];
		first = 4;
	}
	if (first >= argc) {
		fputs(usage_text, stderr);
		return 2;
	}
	return control_ask(path, argc - first, argv + first);
}

static void on_tick(void *arg)
{
	struct emu *emu = arg;

	instrument_advance(emu->ins, link_now_us(&emu->link));
	emu->tick.due_ns = link_monotonic_ns() + TICK_NS;
}

static void on_signal(void *arg, short revents)
{
	struct emu *emu = arg;

	(void)revents;
	emu->loop.is_done = true;
}

/* SIGTERM and SIGINT end the loop, so that the gadget is taken away. */
static int watch_signals(struct emu *emu)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	return loop_add_fd(&emu->loop, fd, POLLIN, on_signal, emu);
}

static int load(const struct options *o, struct sample **sample,
		struct recording **recording)
{
	char why[SAMPLE_WHY_LEN > RECORDING_WHY_LEN ? SAMPLE_WHY_LEN
						    : RECORDING_WHY_LEN] =
		"out of memory";
	int r;

	r = o->replay ? recording_load(o->replay, recording, why)
		      : sample_load(o->spectrum, sample, why);
	if (r < 0)
		fprintf(stderr, "dp5emu: %s\n", why);
	return r;
}

static int make_instrument(struct emu *emu, struct options *o)
{
	struct recording *recording = NULL;
	struct sample *sample = NULL;
	int r;

	r = load(o, &sample, &recording);
	if (r < 0)
		return r;
	if (recording && !o->has_serial)
		o->ins.serial = recording_serial(recording);
	r = instrument_new(&o->ins, 0, &emu->ins);
	if (r < 0) {
		fprintf(stderr, "dp5emu: %s: %s\n",
			o->ins.flash_path ? o->ins.flash_path : "instrument",
			strerror(-r));
		sample_free(sample);
		recording_free(recording);
		return r;
	}
	instrument_set_sample(emu->ins, 0, sample);
	instrument_set_recording(emu->ins, recording);
	if (!isnan(o->rate_cps))
		instrument_set_rate(emu->ins, 0, o->rate_cps);
	link_init(&emu->link, emu->ins, o->ins.seed, o->time_scale);
	return 0;
}

/*
 * A socket answers at once unless asked otherwise, USB as a real unit does,
 * where a full-speed link itself takes the time of the bytes.
 */
static int make_port(struct emu *emu, const struct options *o)
{
	int r;

	emu->link.has_timing = o->timing < 0 ? !o->socket : o->timing;
	if ((o->socket || o->usbip.port >= 0) && emu->link.has_timing)
		emu->link.byte_us = LINK_BYTE_US;
	if (o->socket)
		r = socket_new(&emu->loop, &emu->link, o->socket, &emu->port);
	else if (o->usbip.port >= 0)
		r = usbip_new(&emu->loop, &emu->link, &o->usbip, &emu->port);
	else
		r = ffs_new(&emu->loop, &emu->link, &o->ffs, &emu->port);
	if (r < 0)
		return r;
	r = port_plug(emu->port);
	if (r < 0)
		fprintf(stderr, "dp5emu: %s: %s\n",
			o->socket	     ? o->socket
			: o->usbip.port >= 0 ? "vhci_hcd"
			: o->ffs.udc	     ? o->ffs.udc
					     : "USB device controller",
			strerror(-r));
	return r;
}

static int run(struct emu *emu, struct options *o)
{
	struct control *control = NULL;
	int r;

	loop_init(&emu->loop);
	r = watch_signals(emu);
	if (!r)
		r = make_instrument(emu, o);
	if (!r)
		r = loop_add_timer(&emu->loop, &emu->tick, on_tick, emu);
	if (r < 0)
		return r;
	r = control_new(emu, o->control, &control);
	if (r < 0) {
		fprintf(stderr, "dp5emu: %s: %s\n", o->control, strerror(-r));
		return r;
	}
	r = make_port(emu, o);
	if (!r) {
		printf("dp5emu: serial %u, profile %s, seed %llu, control %s\n",
		       o->ins.serial, o->ins.profile->name,
		       (unsigned long long)o->ins.seed, o->control);
		fflush(stdout);
		on_tick(emu);
		r = loop_serve(&emu->loop);
	}
	port_free(emu->port);
	control_free(control);
	instrument_free(emu->ins);
	return r;
}

int main(int argc, char **argv)
{
	static struct emu emu;
	struct options o;

	if (argc > 1 && !strcmp(argv[1], "ctl"))
		return run_ctl(argc, argv);
	if (parse_options(&o, argc, argv) < 0)
		return 2;
	return run(&emu, &o) < 0 ? 1 : 0;
}
