// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes, binds and takes away the gadget in configfs. */
#include "dp5emu/gadget.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CONFIGFS "/sys/kernel/config"
#define GADGETS CONFIGFS "/usb_gadget"
#define MOUNTS "/run/dp5emu"
#define UDC_CLASS "/sys/class/udc"
#define DRIVERS "/sys/bus/gadget/drivers"

/*
 * Identity of the instrument. Its string descriptors are unknown; the serial
 * string is deliberately not the serial number, which only the status packet
 * tells, so that nothing comes to rely on it.
 */
/* clang-format off */
static const struct {
	const char *file, *value;
} attributes[] = {
	{ "idVendor", "0x10c4" },
	{ "idProduct", "0x842a" },
	{ "bcdUSB", "0x0200" },
	{ "bcdDevice", "0x0100" },
	{ "bDeviceClass", "0xff" },
	{ "bMaxPacketSize0", "64" },
	{ "strings/0x409/manufacturer", "reespec" },
	{ "strings/0x409/product", "emulated X-123" },
	{ "strings/0x409/serialnumber", "not-the-serial" },
	{ "configs/c.1/MaxPower", "100" },
};

static const char *const folders[] = {
	"", "/strings/0x409", "/configs/c.1",
};
/* clang-format on */

static int fail(char *why, const char *what, const char *path)
{
	int r = -errno;

	snprintf(why, GADGET_WHY_LEN, "%s %s: %s", what, path, strerror(-r));
	return r;
}

static int write_file(const char *path, const char *text)
{
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/*
 * A gadget of this name that is there may be a killed emulator's, or that of
 * one still running: each holds an abstract socket of its name while it lives.
 */
static int claim_name(struct gadget *g, char *why)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n;

	n = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1,
		     "dp5emu-gadget-%s", g->name);
	g->claim_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (g->claim_fd < 0)
		return fail(why, "socket for", g->name);
	if (!bind(g->claim_fd, (struct sockaddr *)&addr,
		  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			      (size_t)n)))
		return 0;
	close(g->claim_fd);
	g->claim_fd = -1;
	snprintf(why, GADGET_WHY_LEN,
		 "the gadget %s is running: choose another --name", g->name);
	return -EADDRINUSE;
}

/* Modules load by themselves when configfs asks; the first does not. */
static int mount_configfs(char *why)
{
	if (is_folder(GADGETS))
		return 0;
	if (!is_folder(CONFIGFS)) {
		snprintf(why, GADGET_WHY_LEN,
			 "%s is not there: the kernel lacks configfs",
			 CONFIGFS);
		return -ENODEV;
	}
	if (mount("none", CONFIGFS, "configfs", 0, NULL) < 0 && errno != EBUSY)
		return fail(why, "mount", CONFIGFS);
	if (is_folder(GADGETS))
		return 0;
	snprintf(why, GADGET_WHY_LEN,
		 "%s is not there: load the module libcomposite", GADGETS);
	return -ENODEV;
}

/* The machine's only controller, when none was named. */
static int find_udc(struct gadget *g, const char *udc, char *why)
{
	struct dirent *e;
	DIR *dir;
	int n = 0;

	if (udc) {
		char path[sizeof(UDC_CLASS) + 64];

		snprintf(g->udc, sizeof(g->udc), "%s", udc);
		snprintf(path, sizeof(path), "%s/%s", UDC_CLASS, g->udc);
		return is_folder(path) ? 0 : fail(why, "controller", path);
	}
	dir = opendir(UDC_CLASS);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(g->udc, sizeof(g->udc), "%.63s", e->d_name);
		n++;
	}
	if (dir)
		closedir(dir);
	if (n == 1)
		return 0;
	snprintf(why, GADGET_WHY_LEN,
		 n ? "%d USB device controllers in %s: name one with --udc"
		   : "%d USB device controllers in %s: is dummy_hcd loaded?",
		 n, UDC_CLASS);
	return n ? -ENOTUNIQ : -ENODEV;
}

static int make_folders(struct gadget *g, char *why)
{
	char path[GADGET_PATH_MAX + 64];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s%s", g->dir, folders[i]);
		if (mkdir(path, 0755) < 0)
			return fail(why, "mkdir", path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		snprintf(path, sizeof(path), "%s/%s", g->dir,
			 attributes[i].file);
		if (write_file(path, attributes[i].value) < 0)
			return fail(why, "write", path);
	}
	return 0;
}

static int make_function(struct gadget *g, char *why)
{
	char function[GADGET_PATH_MAX + 64], link[GADGET_PATH_MAX + 64];

	snprintf(function, sizeof(function), "%s/functions/ffs.%s", g->dir,
		 g->name);
	snprintf(link, sizeof(link), "%s/configs/c.1/ffs.%s", g->dir, g->name);
	if (mkdir(function, 0755) < 0)
		return fail(why, "mkdir", function);
	if (symlink(function, link) < 0)
		return fail(why, "link", link);
	mkdir(MOUNTS, 0755);
	if (mkdir(g->mount, 0755) < 0 && errno != EEXIST)
		return fail(why, "mkdir", g->mount);
	if (mount(g->name, g->mount, "functionfs", 0, NULL) < 0)
		return fail(why, "mount functionfs at", g->mount);
	return 0;
}

static void unbind(struct gadget *g)
{
	char path[GADGET_PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/UDC", g->dir);
	write_file(path, "\n");
}

/* Each step may find nothing to take away. */
static void take_away(struct gadget *g)
{
	char path[GADGET_PATH_MAX + 64];

	if (!is_folder(g->dir))
		return;
	unbind(g);
	snprintf(path, sizeof(path), "%s/configs/c.1/ffs.%s", g->dir, g->name);
	unlink(path);
	umount2(g->mount, MNT_DETACH);
	rmdir(g->mount);
	snprintf(path, sizeof(path), "%s/functions/ffs.%s", g->dir, g->name);
	rmdir(path);
	for (size_t i = ARRAY_SIZE(folders); i-- > 0;) {
		snprintf(path, sizeof(path), "%s%s", g->dir, folders[i]);
		rmdir(path);
	}
}

int gadget_make(struct gadget *g, const char *name, const char *udc,
		char why[static GADGET_WHY_LEN])
{
	int r;

	memset(g, 0, sizeof(*g));
	g->claim_fd = -1;
	snprintf(g->name, sizeof(g->name), "%s", name);
	snprintf(g->dir, sizeof(g->dir), "%s/%s", GADGETS, g->name);
	snprintf(g->mount, sizeof(g->mount), "%s/ffs-%s", MOUNTS, g->name);
	r = mount_configfs(why);
	if (!r)
		r = find_udc(g, udc, why);
	if (!r)
		r = claim_name(g, why);
	if (r < 0)
		return r;
	take_away(g);
	r = make_folders(g, why);
	if (!r)
		r = make_function(g, why);
	if (r < 0)
		gadget_remove(g);
	return r;
}

/*
 * A bound gadget is a driver of the same name, and the name is free only when
 * the kernel has released the driver bound before. A debug kernel puts that
 * off by up to four seconds.
 */
static void wait_for_name(const struct gadget *g)
{
	char path[GADGET_PATH_MAX];

	snprintf(path, sizeof(path), DRIVERS "/configfs-gadget.%s", g->name);
	for (int i = 0; i < 100 && is_folder(path); i++)
		usleep(100000);
}

int gadget_bind(struct gadget *g)
{
	char path[GADGET_PATH_MAX + 8];

	wait_for_name(g);
	snprintf(path, sizeof(path), "%s/UDC", g->dir);
	return write_file(path, g->udc);
}

void gadget_unbind(struct gadget *g)
{
	unbind(g);
}

void gadget_remove(struct gadget *g)
{
	take_away(g);
	if (g->claim_fd >= 0)
		close(g->claim_fd);
	g->claim_fd = -1;
}
