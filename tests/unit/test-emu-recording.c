// SPDX-License-Identifier: GPL-2.0-or-later
/* Files of records: which spectra are shown, and what is no such file. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "dp5emu/recording.h"
#include "kselftest_harness.h"
#include "state_dir.h"
#include "uapi/dp5.h"

#define STATUS 64
#define SERIAL 1234567

FIXTURE(recording)
{
	char dir[128];
	char path[160];
	char why[RECORDING_WHY_LEN];
	struct buf file;
	struct recording *r;
};

FIXTURE_SETUP(recording)
{
	state_dir_make(self->dir);
	snprintf(self->path, sizeof(self->path), "%s/run.frames", self->dir);
}

FIXTURE_TEARDOWN(recording)
{
	state_dir_remove(self->dir);
	buf_deinit(&self->file);
	recording_free(self->r);
}

static void add(struct buf *file, uint16_t type, uint16_t n_chan, uint8_t fill)
{
	static uint8_t payload[RECORDING_MAX + 8];
	const uint32_t len = n_chan * 3U + STATUS;
	const struct dp5_frame f = {
		.len = sizeof(f) + (len + 7) / 8 * 8,
		.hdr_len = sizeof(f),
		.type = type,
		.payload_len = len,
		.channels = n_chan,
		.pid1 = 0x81,
		.pid2 = 2,
	};
	uint8_t *status = payload + n_chan * 3U;

	memset(payload, fill, sizeof(payload));
	status[26] = SERIAL & 255;
	status[27] = SERIAL >> 8 & 255;
	status[28] = SERIAL >> 16;
	status[29] = 0;
	status[35] = 0x20;
	buf_append(file, &f, sizeof(f));
	buf_append(file, payload, f.len - sizeof(f));
}

static int load(FIXTURE_DATA(recording) * self)
{
	FILE *f = fopen(self->path, "we");

	if (!f ||
	    fwrite(self->file.data, 1, self->file.len, f) != self->file.len ||
	    fclose(f))
		abort();
	return recording_load(self->path, &self->r, self->why);
}

TEST_F(recording, spectra_come_in_their_order)
{
	uint8_t out[RECORDING_MAX], pid2 = 0;
	const size_t len = 256 * 3 + STATUS;

	add(&self->file, DP5_FRAME_STATE, 0, 9);
	add(&self->file, DP5_FRAME_SPECTRUM, 256, 1);
	add(&self->file, DP5_FRAME_STATUS, 0, 9);
	add(&self->file, DP5_FRAME_SPECTRUM, 256, 2);
	/* A copy ends anywhere. */
	add(&self->file, DP5_FRAME_SPECTRUM, 256, 3);
	self->file.len -= 100;
	ASSERT_EQ(0, load(self)) TH_LOG("%s", self->why);
	EXPECT_EQ(SERIAL, recording_serial(self->r));
	for (int turn = 0; turn < 2; turn++) {
		EXPECT_EQ(len, recording_next(self->r, out, &pid2));
		EXPECT_EQ(1, out[0]);
		EXPECT_EQ(2, pid2);
		EXPECT_EQ(len, recording_next(self->r, out, &pid2));
		EXPECT_EQ(2, out[0]);
		EXPECT_EQ(0x20, out[len - STATUS + 35] & 0x20);
		/* Over: it counts no more. */
		for (int i = 0; i < 2; i++) {
			EXPECT_EQ(len, recording_next(self->r, out, &pid2));
			EXPECT_EQ(2, out[0]);
			EXPECT_EQ(0, out[len - STATUS + 35] & 0x20);
		}
		recording_rewind(self->r);
	}
}

TEST_F(recording, what_is_no_recording_is_told)
{
	struct dp5_frame *f;

	buf_append_str(
		&self->file,
		"<<PMCA SPECTRUM>> and more, for as long as the header of a record is");
	EXPECT_EQ(-EBADMSG, load(self));
	EXPECT_NE(NULL, strstr(self->why, "record 0, at byte 0: no record"))
	TH_LOG("%s", self->why);
	EXPECT_NE(NULL, strstr(self->why, self->path));

	buf_clear(&self->file);
	EXPECT_EQ(-EBADMSG, load(self));
	EXPECT_NE(NULL, strstr(self->why, "there is no spectrum"));

	add(&self->file, DP5_FRAME_SPECTRUM, 256, 1);
	f = (struct dp5_frame *)self->file.data;
	f->payload_len--;
	EXPECT_EQ(-EBADMSG, load(self));
	EXPECT_NE(NULL, strstr(self->why, "without its status"));
	f->payload_len += 1001;
	EXPECT_EQ(-EBADMSG, load(self));
	EXPECT_NE(NULL, strstr(self->why, "do not fit"));

	unlink(self->path);
	EXPECT_EQ(-ENOENT, recording_load(self->path, &self->r, self->why));
	EXPECT_NE(NULL, strstr(self->why, "No such file"));
}

TEST_HARNESS_MAIN
