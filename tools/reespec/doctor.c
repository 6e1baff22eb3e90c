// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reespec doctor: goes along the chain from kernel to disk and says of each
 * link whether it holds and, where it does not, what to do about it. It looks
 * and changes nothing; what only the administrator may see is left out.
 */
#include "reespec/command.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "assay/linalg.h"
#include "assay/method_files.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "reespec/client.h"
#include "reespec/instruments.h"
#include "reespec/json_out.h"
#include "reespec/measurement.h"
#include "reespec/membership.h"
#include "reespec/print.h"
#include "reespec/qc_run.h"
#include "version.h"

#define STATE_FOLDER "/var/lib/reespec"
/* Less is worth a word; when assays are refused for it, the daemon says so. */
#define DISK_LITTLE_MIB 1024

/* Before 6.06, as hundreds and units. */
#define FIRMWARE_OLD 606

enum verdict { GOOD, NOTE, FAULT };

static const struct option_desc options[] = {
	{ "root", 0, "FOLDER", "look at the files of a system in this folder" },
	{ NULL, 0, NULL, NULL },
};

/* What was found out so far; errors of memory show as a missing line. */
struct doctor {
	const char *root; /* "" or the folder files are looked for in */
	json_t *checks;
	unsigned int n_faults;
};

static const char *const verdicts[] = { "good", "note", "fault" };

/* One line of the report; @cure is "" for what holds. */
static void say(struct doctor *d, const char *check, enum verdict verdict,
		const char *cure, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static void say(struct doctor *d, const char *check, enum verdict verdict,
		const char *cure, const char *format, ...)
{
	char found[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(found, sizeof(found), format, ap);
	va_end(ap);
	if (verdict == FAULT)
		d->n_faults++;
	js_append(d->checks,
		  js_pack("{s:s, s:s, s:s, s:s}", "check", check, "verdict",
			  verdicts[verdict], "found", found, "cure", cure));
}

struct path {
	char text[4096];
};

static struct path in_root(const struct doctor *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static struct path in_root(const struct doctor *d, const char *format, ...)
{
	struct path path;
	int n = snprintf(path.text, sizeof(path.text), "%.2000s", d->root);
	va_list ap;

	va_start(ap, format);
	vsnprintf(path.text + n, sizeof(path.text) - (size_t)n, format, ap);
	va_end(ap);
	return path;
}

static bool exists(const struct doctor *d, const char *path)
{
	return access(in_root(d, "%s", path).text, F_OK) == 0;
}

/* First line of a small file, "" when it cannot be read. */
static void first_line(const char *path, char *ret, size_t size)
{
	CLEANUP(buf_deinit) struct buf data = { 0 };

	*ret = 0;
	if (buf_read_file(&data, path, 4096) < 0 || !data.len)
		return;
	snprintf(ret, size, "%.*s", (int)data.len, (const char *)data.data);
	ret[strcspn(ret, "\n")] = 0;
}

static bool is_module_installed(const struct doctor *d, const char *release)
{
	CLEANUP(buf_deinit) struct buf data = { 0 };
	struct path path = in_root(d, "/lib/modules/%s/modules.dep", release);

	return buf_read_file(&data, path.text, 16 << 20) == 0 && data.len &&
	       memmem(data.data, data.len, "/dp5.ko", 7);
}

static void check_module(struct doctor *d)
{
	char version[64];
	struct utsname kernel;

	if (exists(d, "/sys/module/dp5")) {
		first_line(in_root(d, "/sys/module/dp5/version").text, version,
			   sizeof(version));
		say(d, "module", GOOD, "", "dp5 %s is loaded", version);
		return;
	}
	uname(&kernel);
	if (is_module_installed(d, kernel.release))
		say(d, "module", NOTE, "",
		    "dp5 is installed; plugging in an instrument loads it");
	else
		say(d, "module", FAULT,
		    "build it for this kernel (make dkms, see driver/README.md) and run sudo depmod",
		    "dp5 is not installed for kernel %s", kernel.release);
}

/* Devices on the USB with the family's identifiers. */
static unsigned int count_usb(const struct doctor *d)
{
	DIR *dir = opendir(in_root(d, "/sys/bus/usb/devices").text);
	char vendor[8], product[8];
	struct dirent *entry;
	unsigned int n = 0;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		first_line(in_root(d, "/sys/bus/usb/devices/%s/idVendor",
				   entry->d_name)
				   .text,
			   vendor, sizeof(vendor));
		first_line(in_root(d, "/sys/bus/usb/devices/%s/idProduct",
				   entry->d_name)
				   .text,
			   product, sizeof(product));
		n += !strcmp(vendor, "10c4") && !strcmp(product, "842a");
	}
	if (dir)
		closedir(dir);
	return n;
}

static void check_node(struct doctor *d, const char *name)
{
	const char *cure = "sudo udevadm trigger --subsystem-match=dp5";
	char path[300], serial[32], firmware[32];
	unsigned int major = 0, minor = 0;
	struct passwd *user;
	struct group *group;
	struct stat st;

	first_line(in_root(d, "/sys/class/dp5/%s/serial", name).text, serial,
		   sizeof(serial));
	first_line(in_root(d, "/sys/class/dp5/%s/firmware", name).text,
		   firmware, sizeof(firmware));
	say(d, "instrument", GOOD, "", "%s: serial %s, firmware %s", name,
	    *serial ? serial : "unknown", *firmware ? firmware : "unknown");
	if (sscanf(firmware, "%u.%u", &major, &minor) == 2 &&
	    major * 100 + minor < FIRMWARE_OLD)
		say(d, "firmware", NOTE,
		    "ask its maker for an upgrade; nothing here makes one",
		    "%s: %s numbers channels from 1 and does not tell its build, as all before 6.06",
		    name, firmware);

	snprintf(path, sizeof(path), "/dev/%s", name);
	if (stat(in_root(d, "%s", path).text, &st) < 0) {
		say(d, "node", FAULT, cure, "%s: %s", path, strerror(errno));
		return;
	}
	user = getpwuid(st.st_uid);
	group = getgrgid(st.st_gid);
	if (user && !strcmp(user->pw_name, "reespec") && group &&
	    !strcmp(group->gr_name, "reespec") && (st.st_mode & 0777) == 0640)
		say(d, "node", GOOD, "", "%s belongs to reespec, mode 0640",
		    path);
	else
		say(d, "node", FAULT, cure,
		    "%s belongs to %s:%s, mode %04o, and not to reespec:reespec, 0640",
		    path, user ? user->pw_name : "?",
		    group ? group->gr_name : "?", st.st_mode & 07777);
}

static void check_instruments(struct doctor *d)
{
	DIR *dir = opendir(in_root(d, "/sys/class/dp5").text);
	unsigned int n_usb = count_usb(d);
	struct dirent *entry;
	unsigned int n = 0;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		check_node(d, entry->d_name);
		n++;
	}
	if (dir)
		closedir(dir);
	if (n_usb > n)
		say(d, "instrument", FAULT,
		    "sudo dmesg | grep dp5 says why; a tube controller (Mini-X2) has the same identifiers and is none",
		    "%u on the USB, %u with a node", n_usb, n);
	else if (n == 0)
		say(d, "instrument", NOTE, "", "none is plugged in");
}

/* One of two places of a file of the installation. */
static void check_file(struct doctor *d, const char *check, const char *shipped,
		       const char *local)
{
	if (exists(d, local))
		say(d, check, GOOD, "", "%s", local);
	else if (exists(d, shipped))
		say(d, check, GOOD, "", "%s", shipped);
	/* Another's folder is no fault. */
	else if (errno != EACCES)
		say(d, check, FAULT, "sudo make install, then reboot or reload",
		    "%s is missing", shipped);
}

/* @verdict is what not being in the group is worth. */
static void check_group(struct doctor *d, const char *name,
			enum verdict verdict, const char *right)
{
	const enum membership m = membership_of(name);
	char cure[200];

	membership_cure(name, m, cure, sizeof(cure));
	if (m == MEMBERSHIP_NO_GROUP)
		say(d, "group", FAULT, cure, "there is no group %s", name);
	else if (m == MEMBERSHIP_LATER)
		say(d, "group", verdict, cure,
		    "you were put into %s after you logged in", name);
	else if (m == MEMBERSHIP_STRANGER)
		say(d, "group", verdict, cure, "you are not in %s: no %s", name,
		    right);
	else if (geteuid() == 0)
		say(d, "group", GOOD, "", "root need not be in %s", name);
	else
		say(d, "group", GOOD, "", "you are in %s: %s", name, right);
}

/* What the daemon says of each one it knows. */
static void check_spectrometers(struct doctor *d, struct client *c)
{
	CLEANUP(js_freep) json_t *list = NULL;

	if (instruments_list(c, CLIENT_SPECTROMETER, &list))
		return;
	for (size_t i = 0; i < js_len(list); i++) {
		json_t *s = js_at(list, i);
		const char *state = js_text(s, "State");
		const char *qc = js_text(s, "Qc");
		bool is_refusing = false;

		if (!strcmp(state, "fault"))
			say(d, "spectrometer", FAULT,
			    "mend that, or unplug it and plug it in again; journalctl -u reespecd has the details",
			    "%s: %s", js_text(s, "Serial"),
			    js_text(s, "Fault"));
		else
			say(d, "spectrometer",
			    strcmp(state, "absent") ? GOOD : NOTE, "",
			    "%s is %s%s%s", js_text(s, "Serial"), state,
			    *js_text(s, "Fault") ? ": " : "",
			    js_text(s, "Fault"));
		if (instruments_is_dark(js_number(js_get(s, "Status"), "hv_v")))
			say(d, "voltage", FAULT, INSTRUMENTS_LIGHT,
			    "%s: high voltage off, nothing is counted",
			    js_text(s, "Serial"));
		js_get_bool(s, "QcRefuses", &is_refusing);
		if (qc_is_broken(s))
			/* A policy that was read has checks that fail. */
			say(d, "quality", FAULT, QC_MEND, "%s: %s",
			    js_text(s, "Serial"), js_text(s, "QcReason"));
		else if (is_refusing)
			say(d, "quality", FAULT,
			    "measure that check (reespec qc run); controls are let through",
			    "%s: samples are refused while a check is %s: %s",
			    js_text(s, "Serial"), qc, js_text(s, "QcReason"));
		else if (!strcmp(qc, "due") || !strcmp(qc, "failed"))
			say(d, "quality", NOTE,
			    "measure that check (reespec qc shows them)",
			    "%s: %s: %s", js_text(s, "Serial"), qc,
			    js_text(s, "QcReason"));
	}
}

static void check_daemon(struct doctor *d, const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(js_freep) json_t *manager = NULL;
	const char *version = "?", *health = "?";

	if (client_open(&c, args)) {
		say(d, "bus", FAULT,
		    args->bus ? "give the address of a bus that runs"
			      : "sudo systemctl start dbus",
		    "no connection");
		return;
	}
	client_be_quiet(c, true);
	if (client_properties(c, CLIENT_ROOT, CLIENT_MANAGER, &manager)) {
		say(d, "daemon", FAULT,
		    "systemctl status reespecd and journalctl -u reespecd say why",
		    "%s", client_last_error(c));
		return;
	}
	js_get_str(manager, "Version", &version);
	js_get_str(manager, "Health", &health);
	if (strcmp(health, "ok"))
		say(d, "daemon", FAULT,
		    "journalctl -u reespecd has the details", "reespecd %s: %s",
		    version, health);
	else if (strcmp(version, REESPEC_VERSION))
		say(d, "daemon", NOTE, "sudo systemctl restart reespecd",
		    "reespecd is %s, this program " REESPEC_VERSION, version);
	else
		say(d, "daemon", GOOD, "", "reespecd %s answers, health ok",
		    version);
	check_spectrometers(d, c);
}

static void check_methods(struct doctor *d)
{
	const char *const *folders = measurement_method_folders();
	char path[4096], why[1024];
	struct method *method;
	char **names = NULL;
	int n = method_files_list(folders, &names);
	int n_good = 0;

	for (int i = 0; i < n; i++) {
		method = NULL;
		if (method_files_find(folders, names[i], path, sizeof(path)))
			continue;
		if (measurement_load_method(path, &method, why, sizeof(why)))
			say(d, "method", FAULT, "mend the file", "%s", why);
		else
			n_good++;
		method_free(method);
	}
	method_files_free(names, n);
	if (n_good)
		say(d, "method", GOOD, "", "%d can be read", n_good);
	else
		say(d, "method", FAULT,
		    "put method files into /etc/reespec/methods",
		    "there is none to assay by");
}

/* It is loaded where something is computed, so that nothing else misses it. */
static void check_library(struct doctor *d)
{
	if (linalg_init() < 0)
		say(d, "library", FAULT,
		    "sudo apt install libopenblas0, then sudo systemctl restart reespecd",
		    "OpenBLAS is missing, " LINALG_LIBRARY
		    ": no spectrum can be assayed");
	else
		say(d, "library", GOOD, "", "OpenBLAS is there to assay by");
}

/* A record carries the time; a LIMS sorts by it. */
static void check_clock(struct doctor *d)
{
	struct timex t = { 0 };
	int state = adjtimex(&t);

	if (state < 0)
		say(d, "clock", NOTE, "", "its state cannot be read: %s",
		    strerror(errno));
	else if (state == TIME_ERROR || (t.status & STA_UNSYNC))
		say(d, "clock", NOTE, "sudo timedatectl set-ntp true",
		    "it follows no time server");
	else
		say(d, "clock", GOOD, "", "it follows a time server");
}

static void check_disk(struct doctor *d)
{
	unsigned long long mib;
	struct statvfs st;

	if (statvfs(in_root(d, STATE_FOLDER).text, &st) < 0) {
		say(d, "disk", NOTE, "",
		    "%s: %s; the daemon makes it when it starts", STATE_FOLDER,
		    strerror(errno));
		return;
	}
	mib = (unsigned long long)st.f_bavail * st.f_frsize >> 20;
	say(d, "disk", mib < DISK_LITTLE_MIB ? NOTE : GOOD,
	    mib < DISK_LITTLE_MIB ? "make room before the ledger needs it" : "",
	    "%llu MiB free for the ledger in %s", mib, STATE_FOLDER);
}

static void print(const struct doctor *d)
{
	static const struct {
		const char *verdict;
		const char *utf8;
		const char *ascii;
		enum print_style style;
	} marks[] = {
		{ "good", "\xe2\x9c\x93", "ok", PRINT_GOOD },
		{ "note", "\xc2\xb7", "- ", PRINT_DIM },
		{ "fault", "\xe2\x9c\x97", "!!", PRINT_BAD },
	};

	char head[64] = "";

	for (size_t i = 0; i < js_len(d->checks); i++) {
		json_t *check = js_at(d->checks, i);
		const char *name = "", *verdict = "", *found = "", *cure = "";

		js_get_str(check, "check", &name);
		js_get_str(check, "verdict", &verdict);
		js_get_str(check, "found", &found);
		js_get_str(check, "cure", &cure);
		for (size_t k = 0; k < ARRAY_SIZE(marks); k++) {
			if (strcmp(verdict, marks[k].verdict) != 0)
				continue;
			snprintf(head, sizeof(head), "%s %-13s",
				 print_glyph(marks[k].utf8, marks[k].ascii),
				 name);
			print_line(stdout, marks[k].style, head, found);
		}
		if (!*cure)
			continue;
		snprintf(head, sizeof(head), "%*s%s ", (int)print_columns(head),
			 "", print_glyph("\xe2\x86\x92", "->"));
		print_line(stdout, PRINT_PLAIN, head, cure);
	}
}

static int run(const struct args *args)
{
	struct doctor d = { .root = "", .checks = js_array() };
	unsigned int n_faults;
	int r = REESPEC_OK;
	struct stat st;

	if (args_has(args, "root"))
		d.root = args_get(args, "root");
	/* In a folder that is not there all would be missing. */
	if (*d.root && (stat(d.root, &st) < 0 || !S_ISDIR(st.st_mode))) {
		js_free(d.checks);
		return fail(args, REESPEC_NOT_FOUND,
			    "--root %s: no such folder", d.root);
	}
	check_module(&d);
	check_instruments(&d);
	check_file(&d, "udev rule", "/usr/lib/udev/rules.d/60-dp5.rules",
		   "/etc/udev/rules.d/60-dp5.rules");
	check_group(&d, "reespec", FAULT, "reading");
	check_group(&d, "reespec-operator", NOTE, "measuring");
	check_file(&d, "bus policy",
		   "/usr/share/dbus-1/system.d/org.reespec1.conf",
		   "/etc/dbus-1/system.d/org.reespec1.conf");
	check_file(&d, "polkit",
		   "/usr/share/polkit-1/actions/org.reespec1.policy",
		   "/etc/polkit-1/actions/org.reespec1.policy");
	check_file(&d, "polkit rule",
		   "/usr/share/polkit-1/rules.d/60-org.reespec1.rules",
		   "/etc/polkit-1/rules.d/60-org.reespec1.rules");
	check_file(&d, "unit", "/usr/lib/systemd/system/reespecd.service",
		   "/etc/systemd/system/reespecd.service");
	check_daemon(&d, args);
	check_methods(&d);
	check_library(&d);
	check_clock(&d);
	check_disk(&d);

	n_faults = d.n_faults;
	if (args->is_json)
		r = json_out(args, "reespec-doctor/1",
			     js_pack("{s:O}", "checks", d.checks));
	else
		print(&d);
	js_free(d.checks);
	if (r || !n_faults)
		return r;
	fflush(stdout);
	return fail(args, REESPEC_FAILED, "%u fault%s", n_faults,
		    n_faults == 1 ? "" : "s");
}

const struct command command_doctor = {
	.name = "doctor",
	.operands = "",
	.summary = "look for what keeps this machine from measuring",
	.text = "Looks at module, instruments, firmware, node, udev rule, groups, bus policy,\n"
		"polkit, unit, daemon, spectrometers, methods, OpenBLAS, clock and disk, says\n"
		"what was found and, for each fault, what to do. Nothing is changed. A fault\n"
		"ends it with 1.",
	.options = options,
	.run = run,
};
