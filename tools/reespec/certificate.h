/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The certificate of an assay: one page that vouches for a record. */
#ifndef TOOLS_REESPEC_CERTIFICATE_H
#define TOOLS_REESPEC_CERTIFICATE_H

#include "reespec/quality.h"
#include "reespec/records.h"

/* What is told of a result beside its record, under no signature. */
struct certificate_says {
	struct quality quality;
	char operator[64]; /* the name of its uid here; empty: none */
	char key[128]; /* signer_of() */
};

/*
 * Writes the page of result @r to @path, an A4 .pdf, .svg or .png by its name,
 * whole or not at all. 0 or a negative errno as for canvas_new().
 */
int certificate_write(const struct record *r,
		      const struct certificate_says *says, const char *path);

#endif
