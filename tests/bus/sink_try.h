/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sink with its stream, and a ledger that is made record by record. */
#ifndef TESTS_BUS_SINK_TRY_H
#define TESTS_BUS_SINK_TRY_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridges/stream.h"
#include "kselftest_harness.h"
#include "ledger/chain.h"

#include "far.h"
#include "writer.h"

FIXTURE(pgsink)
{
	struct far f;
	struct stream *stream;
	struct writer w;
	int dir;
};

static inline void connect_stream(FIXTURE_DATA(pgsink) * self)
{
	self->stream = stream_close(self->stream);
	self->stream = far_stream(&self->f);
	if (!self->stream)
		exit(1);
}

FIXTURE_SETUP(pgsink)
{
	memset(self, 0, sizeof(*self));
	far_start(&self->f);
	self->dir = open(self->f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	connect_stream(self);
	writer_make(&self->w, self->dir, "one.key");
}

FIXTURE_TEARDOWN(pgsink)
{
	chain_key_free(self->w.key);
	stream_close(self->stream);
	close(self->dir);
	far_stop(&self->f);
}

static inline bool publish(FIXTURE_DATA(pgsink) * self, const char *kind,
			   const struct buf *line)
{
	char subject[100];

	snprintf(subject, sizeof(subject), "reespec.mine.l1.%s", kind);
	return far_publish(self->stream, subject, line->data, line->len);
}

static inline bool has(struct far *f, const struct writer *w, uint64_t last)
{
	return far_has_ledger(f, w->id, last);
}

static inline bool publish_result(FIXTURE_DATA(pgsink) * self, const char *more)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };

	writer_record(&self->w, "result", more, &line);
	return publish(self, "result", &line);
}

#endif
