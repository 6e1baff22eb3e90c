/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `cat /dev/dp5-N` has written: spectra of a real unit, to be shown again. */
#ifndef TOOLS_DP5EMU_RECORDING_H
#define TOOLS_DP5EMU_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#define RECORDING_WHY_LEN 256

struct recording;

/*
 * Reads the file's records and keeps its spectra. -EBADMSG with @why, which
 * names file, record and byte, for what is no such file or has no spectrum; a
 * last record that was cut short is left out, since that is how a copy ends.
 */
int recording_load(const char *path, struct recording **ret,
		   char why[static RECORDING_WHY_LEN]);
struct recording *recording_free(struct recording *r);

/* As the status of the first says. */
uint32_t recording_serial(const struct recording *r);

/* The next spectrum is the first again. */
void recording_rewind(struct recording *r);
/*
 * The next one: its PID2, and its payload in @out of at least RECORDING_MAX
 * bytes, counts and then status. Behind the last comes that again, and its
 * status says that counting has ended. Returns the length.
 */
#define RECORDING_MAX (8192 * 3 + 64)
size_t recording_next(struct recording *r, uint8_t *out, uint8_t *ret_pid2);

#endif
