/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spectra that a belt strobes into the instrument, on their way to assays. */
#ifndef DAEMON_DEVICE_STROBES_H
#define DAEMON_DEVICE_STROBES_H

#include <stdbool.h>

#include "device/session-internal.h"

struct strobes;

/* Asked for before anything is sent: -EINVAL with session.step_why. */
int strobes_check(struct session *s);
/* The settings that count the strobes, into the session's configuration. */
int strobes_configure(struct session *s);
/* The slots fill from now on. -ENOMEM. */
int strobes_start(struct session *s);
/* The assay that has begun waits for its strobe. */
void strobes_want(struct session *s);
/* A status came while the belt runs. */
void strobes_look(struct session *s);
/* Lets go of everything without a word to the instrument; @why is told. */
void strobes_drop(struct session *s, const char *why);
struct strobes *strobes_free(struct strobes *b);

#endif
