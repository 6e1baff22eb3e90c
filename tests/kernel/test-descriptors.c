// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Descriptors as no instrument has them, by way of USB/IP. The driver binds
 * and works, or leaves the device alone with one line in the log; which of the
 * two is decided here by what usbcore shows of the device in sysfs, which is
 * what the driver is given. A second unit is plugged in all the time and goes
 * on working.
 */
#include "usbip.h"

#include <linux/usb/ch9.h>

#define DEVICES "/sys/bus/usb/devices"

enum outcome {
	IGNORED, /* no interface of ours, or none at all */
	REFUSED, /* with one line */
	BOUND,
	WRONG, /* none of these */
};

static const char *const outcome_names[] = { "ignored", "refused", "bound",
					     "wrong" };

struct set {
	size_t n;
	uint8_t at[2048];
};

/* The hub of vhci_hcd for speeds up to high: usbN, or -1. */
static int hub_number(void)
{
	DIR *dir = opendir(VHCI);
	struct dirent *e;
	int n, found = -1;

	while (dir && (e = readdir(dir)))
		if (sscanf(e->d_name, "usb%d", &n) == 1 &&
		    sysfs_number(10, VHCI "/%s/speed", e->d_name) == 480)
			found = n;
	if (dir)
		closedir(dir);
	return found;
}

/* What a file of sysfs holds, "" when it is not there. */
static const char *sysfs_text(const char *fmt, ...)
{
	static char text[64];
	char path[400];
	ssize_t n = 0;
	va_list ap;
	int fd;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

FIXTURE(ds)
{
	char name[16]; /* of the device, as N-1 */
	int log, other;
};

FIXTURE_SETUP(ds)
{
	usbip_quiet();
	ASSERT_TRUE(unit_start(OTHER_UNIT, "--full-speed"));
	self->other = node_open(O_RDWR);
	ASSERT_LE(0, self->other);
	ASSERT_TRUE(unit_start(DESCRIPTORS_UNIT, ""));
	snprintf(self->name, sizeof(self->name), "%d-%d", hub_number(),
		 DESCRIPTORS_UNIT + 1);
	self->log = log_open();
	ASSERT_LE(0, self->log);
}

FIXTURE_TEARDOWN(ds)
{
	close(self->log);
	close(self->other);
	unit_stop();
	unit_use(OTHER_UNIT);
	emu("quit");
}

static bool is_there(const char *name)
{
	return sysfs_number(16, DEVICES "/%s/idVendor", name) >= 0;
}

/* Whether usbcore has given up a device it could not make sense of. */
static bool was_given_up(int log, const char *name)
{
	char line[1024];
	ssize_t n;

	for (;;) {
		n = read(log, line, sizeof(line) - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return false;
		line[n] = '\0';
		if (strstr(line, "unable to enumerate") ||
		    (strstr(line, name) &&
		     (strstr(line, "can't set config") ||
		      strstr(line, "configuration chosen"))))
			return true;
	}
}

/* Plug the unit in and wait until usbcore and drivers are done with it: the
 * configuration's number is told under the lock they hold meanwhile.
 */
static bool plug(const char *name)
{
	int log = log_open(), i;
	bool is_done = false;

	if (!emu("plug"))
		return false;
	for (i = 0; i < 1500 && !is_done; i++) {
		is_done = sysfs_number(10, DEVICES "/%s/bConfigurationValue",
				       name) >= 0 ||
			  was_given_up(log, name);
		if (!is_done)
			sleep_ms(10);
	}
	close(log);
	return true;
}

static bool unplug(const char *name)
{
	int i;

	if (!emu("unplug"))
		return false;
	for (i = 0; i < 1000 && is_there(name); i++)
		sleep_ms(10);
	return !is_there(name);
}

/* Packets of a bulk endpoint of the interface as usbcore shows it, or 0. */
static int bulk_packets(const char *interface, const char *direction)
{
	char path[300];
	struct dirent *e;
	DIR *dir;
	int maxp = 0;

	snprintf(path, sizeof(path), DEVICES "/%s", interface);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, "ep_", 3) ||
		    strncmp(sysfs_text("%s/%s/type", path, e->d_name), "Bulk",
			    4) ||
		    strncmp(sysfs_text("%s/%s/direction", path, e->d_name),
			    direction, strlen(direction)))
			continue;
		maxp = sysfs_number(16, "%s/%s/wMaxPacketSize", path,
				    e->d_name) &
		       0x7ff;
		break;
	}
	if (dir)
		closedir(dir);
	return maxp;
}

static bool is_packet_size(int n)
{
	return n == 8 || n == 16 || n == 32 || n == 64 || n == 128 ||
	       n == 256 || n == 512;
}

/* The interface of ours that comes first in the folder, and how many. */
static int interfaces(const char *name, char *ret_first)
{
	char want[32];
	DIR *dir = opendir(DEVICES);
	struct dirent *e;
	int n = 0;

	snprintf(want, sizeof(want), "%s:", name);
	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, want, strlen(want)))
			continue;
		snprintf(ret_first, 64, "%.63s", e->d_name);
		n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

static enum outcome expected(const char *name)
{
	char first[64];
	int n = interfaces(name, first);

	if (sysfs_number(16, DEVICES "/%s/idVendor", name) != 0x10c4 ||
	    sysfs_number(16, DEVICES "/%s/idProduct", name) != 0x842a || !n)
		return IGNORED;
	if (n == 1 && is_packet_size(bulk_packets(first, "in")) &&
	    is_packet_size(bulk_packets(first, "out")))
		return BOUND;
	return REFUSED;
}

/* What came of it: by node, log and, when bound, by use. */
static enum outcome found(const char *name, int log, uint32_t nonce)
{
	char prefix[32];
	int fd, lines, ret;

	snprintf(prefix, sizeof(prefix), ";dp5 %s:", name);
	lines = log_count(log, prefix, "left alone");
	if (node_number() < 0)
		return lines == 0 ? IGNORED : lines == 1 ? REFUSED : WRONG;
	fd = node_open(O_RDWR);
	ret = fd < 0 ? -1 : unit_works(fd, nonce);
	close(fd);
	return !ret && !lines ? BOUND : WRONG;
}

/* Show @set; what came of it, and what should have. */
static enum outcome try_set(struct __test_metadata *_metadata,
			    FIXTURE_DATA(ds) * self, const struct set *set,
			    enum outcome *ret_expected)
{
	enum outcome got;

	*ret_expected = WRONG;
	if (!unplug(self->name) ||
	    !emu("descriptors %s", unit_hex(set->at, set->n)))
		return WRONG;
	log_count(self->log, "", "");
	if (!plug(self->name))
		return WRONG;
	*ret_expected = expected(self->name);
	got = found(self->name, self->log, (uint32_t)set->n);
	if (got != *ret_expected)
		TH_LOG("%s, expected %s: %s", outcome_names[got],
		       outcome_names[*ret_expected],
		       sysfs_text("/run/dp5emu/hex-0"));
	return got;
}

static bool own_works(FIXTURE_DATA(ds) * self)
{
	int fd, ret;

	if (!unplug(self->name) || !emu("descriptors own") || !emu("plug") ||
	    !node_wait(true))
		return false;
	fd = node_open(O_RDWR);
	ret = unit_works(fd, 1);
	close(fd);
	return !ret;
}

/* -------------------------------------------------------------- corpus */

/* clang-format off */
#define DEVICE "12010002ff000040c4102a84000101020301"
#define CONFIG "0902200001010080" "32"
#define INTERFACE "0904000002ff000000"
#define IN "07058102000200"
#define OUT "07050202000200"
#define SECOND "0904010002ff000000" "07058302000200" "07050402000200"

/* Sets that made a difference, with what has to come of them. */
static const struct {
	const char *what;
	enum outcome outcome;
	const char *hex;
} corpus[] = {
	{ "its own", BOUND, DEVICE CONFIG INTERFACE IN OUT },
	{ "other addresses", BOUND,
	  DEVICE CONFIG INTERFACE "07058f02000200" "07050a02000200" },
	{ "OUT before IN", BOUND, DEVICE CONFIG INTERFACE OUT IN },
	{ "an interrupt endpoint beside the pair", BOUND,
	  DEVICE "090227000101008032" "0904000003ff000000"
	  "07058303400008" IN OUT },
	{ "no endpoint", REFUSED,
	  DEVICE "090212000101008032" "0904000000ff000000" },
	{ "IN missing", REFUSED,
	  DEVICE "090219000101008032" "0904000001ff000000" OUT },
	{ "OUT missing", REFUSED,
	  DEVICE "090219000101008032" "0904000001ff000000" IN },
	{ "both IN", REFUSED,
	  DEVICE CONFIG INTERFACE IN "07058202000200" },
	{ "both OUT", REFUSED,
	  DEVICE CONFIG INTERFACE "07050102000200" OUT },
	{ "interrupt instead of bulk", REFUSED,
	  DEVICE CONFIG INTERFACE "07058103400001" "07050203400001" },
	{ "isochronous instead of bulk", REFUSED,
	  DEVICE CONFIG INTERFACE "07058101000201" "07050201000201" },
	{ "packets of 0 bytes in", REFUSED,
	  DEVICE CONFIG INTERFACE "07058102000000" OUT },
	{ "packets of 0 bytes out", REFUSED,
	  DEVICE CONFIG INTERFACE IN "07050202000000" },
	{ "packets of 63 bytes in", REFUSED,
	  DEVICE CONFIG INTERFACE "070581023f0000" OUT },
	{ "packets of 1 byte out", REFUSED,
	  DEVICE CONFIG INTERFACE IN "07050202010000" },
	{ "packets of 100 bytes", REFUSED,
	  DEVICE CONFIG INTERFACE "07058102640000" "07050202640000" },
	{ "packets of 64 bytes", BOUND,
	  DEVICE CONFIG INTERFACE "07058102400000" "07050202400000" },
	{ "packets longer than any", REFUSED,
	  DEVICE CONFIG INTERFACE "07058102000400" "07050202ff0700" },
	{ "two interfaces", REFUSED,
	  DEVICE "090237000201008032" INTERFACE IN OUT SECOND },
	{ "more interfaces announced than there are", BOUND,
	  DEVICE "090220000401008032" INTERFACE IN OUT },
	{ "interface of number 3", BOUND,
	  DEVICE CONFIG "0904030002ff000000" IN OUT },
	{ "second setting without endpoints", BOUND,
	  DEVICE "090229000101008032" INTERFACE IN OUT "0904000100ff000000" },
	{ "endpoints in the second setting only", REFUSED,
	  DEVICE "090229000101008032" "0904000000ff000000"
	  "0904000102ff000000" IN OUT },
	{ "the same endpoint twice", REFUSED,
	  DEVICE CONFIG INTERFACE IN IN },
	{ "endpoint of number 0", REFUSED,
	  DEVICE CONFIG INTERFACE "07058002000200" OUT },
	{ "endpoint shorter than its kind", REFUSED,
	  DEVICE CONFIG INTERFACE "05058102" OUT },
	{ "no interface", IGNORED, DEVICE "090209000001008032" },
	{ "configuration cut off", REFUSED,
	  DEVICE "090220000101008032" INTERFACE "0705" },
	{ "a stranger's identity", IGNORED,
	  "12010002ff000040c4102b84000101020301" CONFIG INTERFACE IN OUT },
};
/* clang-format on */

static void set_from(struct set *set, const char *hex)
{
	unsigned int byte;

	for (set->n = 0; sscanf(hex + 2 * set->n, "%2x", &byte) == 1; set->n++)
		set->at[set->n] = (uint8_t)byte;
}

TEST_F_TIMEOUT(ds, corpus_ends_as_it_should, 300)
{
	enum outcome wanted;
	struct set set;
	size_t i;

	for (i = 0; i < sizeof(corpus) / sizeof(corpus[0]); i++) {
		set_from(&set, corpus[i].hex);
		EXPECT_EQ(corpus[i].outcome,
			  try_set(_metadata, self, &set, &wanted))
		TH_LOG("%s", corpus[i].what);
		EXPECT_EQ(corpus[i].outcome, wanted)
		TH_LOG("%s", corpus[i].what);
		EXPECT_EQ(0, unit_works(self->other, (uint32_t)i));
	}
	EXPECT_TRUE(own_works(self));
}

/* ---------------------------------------------------------------- fuzz */

static void insert(struct set *set, size_t at, const void *bytes, size_t n)
{
	memmove(set->at + at + n, set->at + at, set->n - at);
	memcpy(set->at + at, bytes, n);
	set->n += n;
}

static void cut_out(struct set *set, size_t at, size_t n)
{
	memmove(set->at + at, set->at + at + n, set->n - at - n);
	set->n -= n;
}

/* Where the k-th descriptor of a type begins behind the device's, or 0. */
static size_t find(const struct set *set, uint8_t type, unsigned int k)
{
	size_t at;

	for (at = 18; at + 1 < set->n && set->at[at] > 1; at += set->at[at])
		if (set->at[at + 1] == type && !k--)
			return at;
	return 0;
}

static void change_endpoint(struct set *set, uint32_t *seed)
{
	static const uint16_t sizes[] = { 0,	1,	7,	8,
					  16,	63,	64,	65,
					  511,	512,	513,	1023,
					  1024, 0x0a00, 0x1200, 0xffff };
	size_t at = find(set, USB_DT_ENDPOINT, below(seed, 3));
	uint16_t size = sizes[below(seed, 16)];
	uint8_t copy[7];

	if (!at || at + 7 > set->n)
		return;
	memcpy(copy, set->at + at, 7);
	switch (below(seed, 6)) {
	case 0:
	case 1:
		set->at[at + 4] = (uint8_t)size;
		set->at[at + 5] = (uint8_t)(size >> 8);
		return;
	case 2:
		set->at[at + 3] =
			(uint8_t)below(seed, below(seed, 2) ? 4 : 256);
		return;
	case 3:
		set->at[at + 2] = (uint8_t)random_of(seed);
		return;
	case 4:
		cut_out(set, at, 7);
		return;
	default:
		copy[2] ^= (uint8_t)(below(seed, 4) | (below(seed, 2) << 7));
		insert(set, at, copy, 7);
	}
}

/* A second setting, or a second interface. */
static void copy_interface(struct set *set, uint32_t *seed)
{
	size_t from = find(set, USB_DT_INTERFACE, 0), n;
	uint8_t copy[512];

	if (!from || set->n - from > sizeof(copy) || set->n > 1024)
		return;
	n = set->n - from;
	memcpy(copy, set->at + from, n);
	copy[below(seed, 2) ? 2 : 3] += (uint8_t)(1 + below(seed, 2));
	insert(set, set->n, copy, n);
	if (below(seed, 2))
		set->at[18 + 4]++;
}

static void change(struct set *set, uint32_t *seed)
{
	uint8_t other[32] = { 0 };
	size_t at = 18 + below(seed, (uint32_t)(set->n - 18)), i;

	switch (below(seed, 12)) {
	default:
		change_endpoint(set, seed);
		return;
	case 0:
		copy_interface(set, seed);
		return;
	case 1: /* bNumEndpoints */
		i = find(set, USB_DT_INTERFACE, below(seed, 2));
		if (i)
			set->at[i + 4] = (uint8_t)below(seed, 5);
		return;
	case 2:
		set->at[at] = (uint8_t)random_of(seed);
		return;
	case 3: /* the end is missing, or more is announced */
		if (below(seed, 2))
			set->n = at + 1;
		else
			set->at[20] = (uint8_t)random_of(seed);
		return;
	case 4: /* a descriptor nobody knows, of a length that may be wrong */
		for (i = 0; i < sizeof(other); i++)
			other[i] = (uint8_t)random_of(seed);
		i = 2 + below(seed, 30);
		other[0] =
			below(seed, 4) ? (uint8_t)i : (uint8_t)random_of(seed);
		insert(set, at, other, i);
		return;
	case 5: /* the device's own, mostly what slows nobody down */
		if (below(seed, 4))
			set->at[4 + below(seed, 3)] = (uint8_t)random_of(seed);
		else
			set->at[below(seed, 2) ? 17 : 14] =
				(uint8_t)below(seed, 10);
		return;
	}
}

/* FUZZ_DESCRIPTORS of them from FUZZ_SEED. */
TEST_F_TIMEOUT(ds, malformed_sets_are_bound_or_refused, 14400)
{
	unsigned int n = setting("FUZZ_DESCRIPTORS", 50), i, changes;
	uint32_t first_seed = setting("FUZZ_SEED", 1), seed;
	unsigned int count[WRONG + 1] = { 0 };
	enum outcome wanted, got;
	uint64_t start = now_ns();
	struct set set;

	for (i = 0; i < n; i++) {
		seed = first_seed * 0x9e3779b9U + i * 8191U + 1;
		seed = seed ? seed : 1;
		set_from(&set, DEVICE CONFIG INTERFACE IN OUT);
		for (changes = 1 + below(&seed, 3); changes; changes--)
			change(&set, &seed);
		if (!below(&seed, 3) && set.n > 20)
			set.at[20] = (uint8_t)(set.n - 18);
		got = try_set(_metadata, self, &set, &wanted);
		count[got]++;
		EXPECT_EQ(wanted, got)
		TH_LOG("set %u of seed %u", i, first_seed);
		EXPECT_EQ(0, unit_works(self->other, i));
		if (i % 10 == 9)
			EXPECT_TRUE(own_works(self));
		if (!_metadata->passed)
			break;
	}
	EXPECT_TRUE(own_works(self));
	say("# fuzz: %u descriptor sets, seed %u: %u bound, %u refused, "
	    "%u ignored; %.0f s\n",
	    i, first_seed, count[BOUND], count[REFUSED], count[IGNORED],
	    (double)(now_ns() - start) * 1e-9);
}

TEST_HARNESS_MAIN
