// SPDX-License-Identifier: GPL-2.0-or-later
/* Spectrum files of the emulator, and what settings make of them. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dp5emu/sample.h"
#include "dp5emu/scene.h"
#include "kselftest_harness.h"

#define HEAD "<<PMCA SPECTRUM>>\r\nTAG - two words\r\nLIVE_TIME - 10.0\r\n"
#define CAL "<<CALIBRATION>>\r\nLABEL - keV\r\n100 2.5125\r\n400 10.0125\r\n"

FIXTURE(scene)
{
	char path[64];
	char why[SAMPLE_WHY_LEN];
	struct sample *sample;
	struct scene *scene;
};

FIXTURE_SETUP(scene)
{
	strcpy(self->path, "/tmp/test-emu-scene-XXXXXX");
	ASSERT_LE(0, close(mkstemp(self->path)));
	self->scene = calloc(1, sizeof(*self->scene));
	self->sample = NULL;
	ASSERT_TRUE(self->scene);
}

FIXTURE_TEARDOWN(scene)
{
	unlink(self->path);
	sample_free(self->sample);
	free(self->scene);
}

/* A file of @head and @n channels, one count each but 1000 in channel 400. */
static void write_file(const char *path, const char *head, int n)
{
	FILE *f = fopen(path, "w");

	fputs(head, f);
	for (int k = 0; n && k < n; k++)
		fprintf(f, k == 400 ? "1000\r\n" : "1\r\n");
	if (n)
		fputs("<<END>>\r\nignored\r\n", f);
	fclose(f);
}

static int load(const char *path, const char *head, int n, struct sample **ret,
		char *why)
{
	write_file(path, head, n);
	return sample_load(path, ret, why);
}

#define LOAD(head, n) load(self->path, head, n, &self->sample, self->why)

static struct scene_settings settings(void)
{
	return (struct scene_settings){
		.rate_cps = 1000,
		.gain = 23.5,
		.ref_gain = 23.5,
		.n_chan = 2048,
		.lld_chan = -1,
	};
}

static double sum_rates(const struct scene *s, int from, int to)
{
	double sum = 0;

	for (int k = from; k <= to; k++)
		sum += s->chan_cps[k];
	return sum;
}

TEST_F(scene, reads_counts_time_and_calibration)
{
	ASSERT_EQ(LOAD(HEAD CAL "<<DATA>>\r\n", 2048), 0);
	EXPECT_EQ(self->sample->n_chan, 2048);
	EXPECT_EQ(self->sample->total, 3047);
	EXPECT_EQ(self->sample->live_s, 10);
	EXPECT_STREQ(self->sample->name, "two_words");
	EXPECT_LT(fabs(self->sample->gain_kev - 0.025), 1e-9);
	EXPECT_LT(fabs(self->sample->offset_kev - 0.0125), 1e-9);
}

TEST_F(scene, refusals_name_file_line_and_reason)
{
	char want[SAMPLE_WHY_LEN];

	EXPECT_EQ(LOAD(HEAD CAL "<<DATA>>\r\n12\r\nx\r\n", 20), -EINVAL);
	snprintf(want, sizeof(want), "%s:10: not a count", self->path);
	EXPECT_STREQ(self->why, want);
	EXPECT_EQ(LOAD(HEAD "<<DATA>>\r\n", 20), -EINVAL);
	EXPECT_TRUE(strstr(self->why, "no <<CALIBRATION>> section"));
	EXPECT_EQ(LOAD(HEAD CAL, 0), -EINVAL);
	EXPECT_TRUE(strstr(self->why, "no <<DATA>> section"));
	EXPECT_EQ(LOAD("hello\n", 0), -EINVAL);
	EXPECT_TRUE(strstr(self->why, ":1: does not open with"));
	EXPECT_EQ(LOAD("", 0), -EINVAL);
	EXPECT_TRUE(strstr(self->why, "empty file"));
	EXPECT_EQ(LOAD(HEAD CAL "<<DATA>>\r\n-1\r\n", 20), -EINVAL);
	EXPECT_TRUE(strstr(self->why, "not a count"));
	EXPECT_EQ(LOAD(HEAD CAL "<<DATA>>\r\n", 8193), -EINVAL);
	EXPECT_TRUE(strstr(self->why, "more than 8192 channels"));
	EXPECT_EQ(LOAD(HEAD CAL "<<DATA>>\r\n", 8), -EINVAL);
	EXPECT_TRUE(strstr(self->why, "fewer than 16 channels"));
	EXPECT_EQ(LOAD(HEAD "<<CALIBRATION>>\n1 2\n2 1\n<<DATA>>\n", 20),
		  -EINVAL);
	EXPECT_TRUE(strstr(self->why, "does not rise"));
	EXPECT_EQ(LOAD(HEAD "<<CALIBRATION>>\n1 2\n1 3\n<<DATA>>\n", 20),
		  -EINVAL);
	EXPECT_TRUE(strstr(self->why, "share one channel"));
	EXPECT_EQ(sample_load("/nonexistent", &self->sample, self->why),
		  -ENOENT);
	EXPECT_TRUE(strstr(self->why, "/nonexistent: No such file"));
	EXPECT_EQ(self->sample, NULL);
}

TEST_F(scene, at_the_reference_gain_channels_are_the_files)
{
	struct scene_settings set = settings();

	ASSERT_EQ(LOAD(HEAD CAL "<<DATA>>\r\n", 2048), 0);
	scene_make(self->sample, &set, self->scene);
	EXPECT_LT(fabs(self->scene->chan_cps[400] - 1e6 / 3047), 1e-6);
	EXPECT_LT(fabs(self->scene->chan_cps[399] - 1e3 / 3047), 1e-6);
	EXPECT_LT(fabs(self->scene->slow_cps - 1000), 1e-6);
	EXPECT_LT(fabs(self->scene->full_scale_kev - 51.2), 1e-6);
}

/* 10.0125 keV is the centre of channel 400: 400.5 channels above zero. */
TEST_F(scene, double_gain_doubles_the_place)
{
	struct scene_settings set = settings();

	ASSERT_EQ(LOAD(HEAD CAL "<<DATA>>\r\n", 2048), 0);
	set.gain = 47;
	scene_make(self->sample, &set, self->scene);
	EXPECT_LT(fabs(sum_rates(self->scene, 800, 801) - 1e6 / 3047), 1e-6);
	/* What lies above full scale now is seen by the fast channel only. */
	EXPECT_LT(fabs(self->scene->slow_cps - 1e3 * 2023 / 3047), 1e-6);
	EXPECT_LT(fabs(self->scene->fast_only_cps - 1e3 * 1024 / 3047), 1e-6);
}

TEST_F(scene, half_gain_conserves_counts)
{
	struct scene_settings set = settings();

	ASSERT_EQ(LOAD(HEAD CAL "<<DATA>>\r\n", 2048), 0);
	set.gain = 11.75;
	scene_make(self->sample, &set, self->scene);
	EXPECT_LT(fabs(self->scene->chan_cps[200] - 1001e3 / 3047), 1e-6);
	EXPECT_LT(fabs(self->scene->slow_cps - 1000), 1e-6);
	EXPECT_EQ(self->scene->chan_cps[1500], 0);
}

TEST_F(scene, channels_scale_with_their_number)
{
	struct scene_settings set = settings();

	ASSERT_EQ(LOAD(HEAD CAL "<<DATA>>\r\n", 2048), 0);
	set.n_chan = 8192;
	scene_make(self->sample, &set, self->scene);
	EXPECT_LT(fabs(sum_rates(self->scene, 1600, 1603) - 1e6 / 3047), 1e-6);
	EXPECT_LT(fabs(self->scene->slow_cps - 1000), 1e-6);
	set.n_chan = 256;
	scene_make(self->sample, &set, self->scene);
	EXPECT_LT(fabs(self->scene->chan_cps[50] - 1007e3 / 3047), 1e-6);
}

TEST_F(scene, offset_moves_the_spectrum)
{
	struct scene_settings set = settings();

	ASSERT_EQ(LOAD(HEAD CAL "<<DATA>>\r\n", 2048), 0);
	set.offset_chan = 10;
	scene_make(self->sample, &set, self->scene);
	EXPECT_LT(fabs(self->scene->chan_cps[410] - 1e6 / 3047), 1e-6);
}

TEST_F(scene, thresholds_cut_the_low_end)
{
	struct scene_settings set = settings();

	ASSERT_EQ(LOAD(HEAD CAL "<<DATA>>\r\n", 2048), 0);
	set.slow_threshold = 0.25;
	scene_make(self->sample, &set, self->scene);
	EXPECT_EQ(self->scene->chan_cps[511], 0);
	EXPECT_GT(self->scene->chan_cps[512], 0);
	EXPECT_LT(fabs(self->scene->fast_only_cps), 1e-6);

	set = settings();
	set.lld_chan = 400;
	scene_make(self->sample, &set, self->scene);
	EXPECT_EQ(self->scene->chan_cps[400], 0);
	EXPECT_GT(self->scene->chan_cps[401], 0);
	EXPECT_LT(fabs(self->scene->fast_only_cps - 1400e3 / 3047), 1e-6);
}

TEST_F(scene, dead_time_takes_events_from_the_slow_channel_first)
{
	struct scene_settings set = settings();

	ASSERT_EQ(LOAD(HEAD CAL "<<DATA>>\r\n", 2048), 0);
	set.rate_cps = 100e3;
	set.slow_dead_s = 4e-6;
	set.fast_dead_s = 120e-9;
	scene_make(self->sample, &set, self->scene);
	EXPECT_LT(fabs(self->scene->slow_cps - 100e3 * exp(-0.4)), 1e-3);
	EXPECT_LT(fabs(self->scene->slow_cps + self->scene->fast_only_cps -
		       100e3 * exp(-0.012)),
		  1e-3);
}

TEST_F(scene, a_dark_detector_counts_nothing)
{
	struct scene_settings set = settings();

	scene_make(NULL, &set, self->scene);
	EXPECT_EQ(self->scene->slow_cps, 0);
	EXPECT_EQ(self->scene->fast_only_cps, 0);
	EXPECT_EQ(self->scene->n_chan, 2048);
}

TEST_HARNESS_MAIN
