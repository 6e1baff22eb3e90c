// SPDX-License-Identifier: GPL-2.0-or-later
/* Attributes and sensors, compared with what the emulator was told to be. */
#include "guest.h"

#define SERIAL 20651

FIXTURE(sy)
{
	int fd;
	struct answer a;
	char text[64];
};

/* Of firmware, FPGA and serial number that are not the default. */
FIXTURE_SETUP(sy)
{
	emu_restart("--profile 6.08.06 --serial 20651");
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(sy)
{
	close(self->fd);
}

/* Read a file whose path is relative to the class device. */
static const char *attribute(const char *name, char text[static 64])
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/dp5/dp5-%d/%s", node_number(),
		 name);
	fd = open(path, O_RDONLY);
	n = read(fd, text, 63);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

TEST_F(sy, attributes_are_those_of_the_instrument)
{
	EXPECT_STREQ("20651\n", attribute("serial", self->text));
	EXPECT_STREQ("DP5/X-123\n", attribute("model", self->text));
	EXPECT_STREQ("6.08.06\n", attribute("firmware", self->text));
	EXPECT_STREQ("6.11\n", attribute("fpga", self->text));
	EXPECT_STREQ("0\n", attribute("channels", self->text));
	ASSERT_EQ(0, transact_text(self->fd, 0x04, "MCAC=512;", &self->a));
	ASSERT_EQ(0, transact(self->fd, 0x02, 0x03, NULL, 0, &self->a));
	EXPECT_STREQ("512\n", attribute("channels", self->text));
}

TEST_F(sy, a_unit_without_serial_number_has_an_empty_one)
{
	struct dp5_info i = { .size = sizeof(i) };

	close(self->fd);
	emu_restart("--serial none");
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	EXPECT_STREQ("\n", attribute("serial", self->text));
	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_GET_INFO, &i));
	EXPECT_EQ(DP5_SERIAL_NONE, i.serial);
}

/* A file of the hwmon device below the class device, open. */
static int sensor_try(const char *name)
{
	char path[300];
	struct dirent *e;
	DIR *dir;
	int fd = -1;

	snprintf(path, sizeof(path), "/sys/class/dp5/dp5-%d", node_number());
	dir = opendir(path);
	while (dir && fd < 0 && (e = readdir(dir))) {
		if (strncmp(e->d_name, "hwmon", 5))
			continue;
		snprintf(path, sizeof(path), "/sys/class/dp5/dp5-%d/%.32s/%s",
			 node_number(), e->d_name, name);
		fd = open(path, O_RDONLY);
	}
	if (dir)
		closedir(dir);
	return fd;
}

/* The sensors come a moment after the node. */
static int sensor_open(const char *name)
{
	int fd = -1, i;

	for (i = 0; i < 100 && fd < 0; i++) {
		if (i)
			sleep_ms(20);
		fd = sensor_try(name);
	}
	return fd;
}

static long sensor(const char *name)
{
	int fd = sensor_open(name);
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	close(fd);
	return n > 0 ? atol(text) : -1;
}

TEST_F(sy, sensors_are_those_of_the_instrument)
{
	ASSERT_TRUE(emu("temp 225.5"));
	ASSERT_TRUE(emu("hv -123"));
	sleep_ms(1100);
	EXPECT_EQ(225500 - 273150, sensor("temp1_input"));
	EXPECT_EQ(-123000, sensor("in0_input"));
	/* Electronics warm up to something a hand can touch. */
	EXPECT_LT(0, sensor("temp2_input"));
	EXPECT_GT(60000, sensor("temp2_input"));
}

/* The unit becomes one of that model, and is plugged in anew. */
static bool become(FIXTURE_DATA(sy) * self, unsigned int model)
{
	close(self->fd);
	if (!emu("unplug") || !node_wait(false) || !emu("model %u", model) ||
	    !emu("plug") || !node_wait(true))
		return false;
	self->fd = node_open(O_RDWR);
	return self->fd >= 0;
}

TEST_F(sy, only_what_a_model_measures_is_a_sensor)
{
	static const struct {
		unsigned int model;
		const char *name;
		bool has_detector, has_high_voltage;
	} models[] = {
		{ 1, "PX5\n", true, true },
		{ 2, "DP5G\n", true, false },
		{ 3, "MCA8000D\n", false, false },
		{ 4, "TB-5\n", true, false },
		{ 5, "DP5-X\n", true, true },
		{ 6, "unknown\n", false, false },
	};
	int fds[3];
	size_t i, k;

	for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		ASSERT_TRUE(become(self, models[i].model));
		EXPECT_STREQ(models[i].name, attribute("model", self->text));
		fds[0] = sensor_open("temp2_input");
		fds[1] = sensor_try("temp1_input");
		fds[2] = sensor_try("in0_input");
		EXPECT_LE(0, fds[0]);
		EXPECT_EQ(models[i].has_detector, fds[1] >= 0)
		TH_LOG("%s", models[i].name);
		EXPECT_EQ(models[i].has_high_voltage, fds[2] >= 0)
		TH_LOG("%s", models[i].name);
		for (k = 0; k < 3; k++)
			close(fds[k]);
	}
}

TEST_F(sy, features_go_by_firmware_fpga_and_model)
{
	static const struct {
		const char *options;
		unsigned int model;
		unsigned long long features;
	} units[] = {
		{ "--profile 6.02", 0, 0 },
		{ "--profile 6.10.04", 0,
		  DP5_FEATURE_TEXT_UNSAVED | DP5_FEATURE_BUFFERS },
		{ "--profile 6.08.06", 0,
		  DP5_FEATURE_TEXT_UNSAVED | DP5_FEATURE_BUFFERS |
			  DP5_FEATURE_LIST },
		{ NULL, 3, DP5_FEATURE_TEXT_UNSAVED | DP5_FEATURE_BUFFERS },
		{ NULL, 5, DP5_FEATURE_TEXT_UNSAVED | DP5_FEATURE_LIST },
	};
	size_t n;

	for (n = 0; n < sizeof(units) / sizeof(units[0]); n++) {
		struct dp5_info i = { .size = sizeof(i) };

		if (units[n].options) {
			close(self->fd);
			emu_restart(units[n].options);
			ASSERT_TRUE(node_wait(true));
			self->fd = node_open(O_RDWR);
		} else {
			ASSERT_TRUE(become(self, units[n].model));
		}
		ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_GET_INFO, &i));
		EXPECT_EQ(units[n].model, i.device);
		EXPECT_EQ(units[n].features, i.features)
		TH_LOG("unit %zu", n);
	}
}

/* Nobody has said what a change would do to it. */
TEST_F(sy, of_an_unknown_model_everything_can_be_read_and_nothing_changed)
{
	struct dp5_info i = { .size = sizeof(i) };

	ASSERT_TRUE(become(self, 6));
	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_GET_INFO, &i));
	EXPECT_EQ(6, i.device);
	EXPECT_EQ(0, i.features);
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	EXPECT_EQ(0, transact(self->fd, 0x02, 0x03, NULL, 0, &self->a));
	EXPECT_EQ(0, subscribe(self->fd, DP5_SUB_SPECTRUM, 0, 0));
	EXPECT_EQ(EPERM, transact(self->fd, 0xf0, 0x01, NULL, 0, &self->a));
	EXPECT_EQ(EPERM, transact_text(self->fd, 0x04, "GAIN=10;", &self->a));
	EXPECT_EQ(EPERM, control(self->fd, DP5_CONTROL_CLAIM));
	EXPECT_EQ(EPERM, transact_text(self->fd, 0x04, "HVSE=-100;", &self->a));
	EXPECT_EQ(EPERM, subscribe(self->fd, DP5_SUB_LIST, 0, 0));
	EXPECT_EQ(0, control(self->fd, DP5_CONTROL_RELEASE));
}

TEST_F(sy, sensors_ask_at_most_once_a_second)
{
	struct dp5_stats before, after;
	uint64_t start = now_ns(), took_s;
	unsigned int n = 0;

	/* A slow machine takes longer for as many. */
	before = get_stats(self->fd);
	while (now_ns() - start < 3000 * MS || n < 24) {
		EXPECT_NE(-1, sensor("temp1_input"));
		EXPECT_NE(-1, sensor("in0_input"));
		n += 2;
	}
	after = get_stats(self->fd);
	took_s = (now_ns() - start) / (1000 * MS);
	EXPECT_LE(2, after.requests - before.requests);
	EXPECT_GE(took_s + 1, after.requests - before.requests);
}

/* Less than a second later: what the unit said before is of another time. */
TEST_F(sy, sensors_ask_anew_after_a_reset)
{
	struct dp5_stats before;

	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	before = get_stats(self->fd);
	EXPECT_NE(-1, sensor("temp1_input"));
	EXPECT_EQ(before.requests, get_stats(self->fd).requests);
	ASSERT_EQ(0, reset_port());
	EXPECT_NE(-1, sensor("temp1_input"));
	EXPECT_EQ(before.requests + 1, get_stats(self->fd).requests);
}

TEST_F(sy, sensors_read_at_the_same_time_ask_once)
{
	uint64_t before, start;
	unsigned int i;
	int status;

	sleep_ms(1100);
	before = get_stats(self->fd).requests;
	ASSERT_TRUE(emu("fault delay 400 1"));
	start = now_ns();
	for (i = 0; i < 8; i++)
		if (!fork())
			_exit(sensor("temp1_input") == -1);
	for (i = 0; i < 8; i++) {
		ASSERT_LT(0, wait(&status));
		EXPECT_EQ(0, status);
	}
	/* One more for each second that a machine takes to start all. */
	EXPECT_LE(1, get_stats(self->fd).requests - before);
	EXPECT_GE((now_ns() - start) / (1000 * MS) + 1,
		  get_stats(self->fd).requests - before);
}

TEST_F(sy, a_refused_status_is_not_asked_for_at_once)
{
	uint64_t before, start, took_s, n;

	sleep_ms(1100);
	ASSERT_TRUE(emu("fault ack 13 1000"));
	before = get_stats(self->fd).requests;
	start = now_ns();
	for (n = 0; now_ns() - start < 2000 * MS || n < 24; n++)
		EXPECT_EQ(-1, sensor("temp1_input"));
	took_s = (now_ns() - start) / (1000 * MS);
	EXPECT_LE(2, get_stats(self->fd).requests - before);
	EXPECT_GE(took_s + 1, get_stats(self->fd).requests - before);
	emu("fault none");
}

/* A slot keeps the status of long ago: it is not the last one. */
TEST_F(sy, a_slot_is_not_taken_for_the_present)
{
	static const uint8_t slot[] = { 0, 2 };

	ASSERT_TRUE(emu("hv -50"));
	ASSERT_EQ(0, transact(self->fd, 0x02, 0x05, slot, 2, &self->a));
	ASSERT_TRUE(emu("hv -150"));
	sleep_ms(1100);
	ASSERT_EQ(0, transact(self->fd, 0x02, 0x07, slot, 2, &self->a));
	EXPECT_EQ(-150000, sensor("in0_input"));
}

/* While sensors are read, the unit is pulled: each read ends, and says so. */
TEST_F(sy, sensors_can_be_read_during_unplug)
{
	pid_t child[3];
	int i, status;

	for (i = 0; i < 3; i++) {
		child[i] = fork();
		if (!child[i]) {
			char text[32];
			int fd = sensor_open("temp1_input");
			uint64_t end = now_ns() + 60000 * MS;

			while (pread(fd, text, sizeof(text), 0) >= 0)
				if (now_ns() > end)
					_exit(ETIME);
			/* A hub that is slow to see it leaves a broken one. */
			_exit(errno == ENODEV || errno == EPROTO ? 0 : errno);
		}
	}
	/* A request of theirs on the wire, which is never answered. */
	ASSERT_TRUE(emu("fault drop 1"));
	wait_for_fault("fault_drop");
	ASSERT_TRUE(emu("unplug"));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(child[i], waitpid(child[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	ASSERT_TRUE(node_wait(false));
	ASSERT_TRUE(emu("plug"));
	EXPECT_TRUE(node_wait(true));
}

TEST_HARNESS_MAIN
