/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spectra and methods from files, and the assay of one by the other. */
#ifndef TOOLS_REESPEC_MEASUREMENT_H
#define TOOLS_REESPEC_MEASUREMENT_H

#include "assay/assay.h"
#include "proto/spectrum_file.h"
#include "reespec/command.h"
#include "reespec/records.h"

/*
 * Reads a spectrum file of any format we know; the sample is the one it
 * names, else its own name.
 */
int measurement_load(const struct args *args, const char *path,
		     struct spectrum **ret);

/* What the assay needs of a spectrum file; @path names it. */
int measurement_spectrum(const struct args *args, const struct spectrum_file *f,
			 const char *path, struct spectrum **ret);

/* The spectrum of a record, whose @counts came with it. */
int measurement_of_record(const struct args *args, const struct record *rec,
			  json_t *counts, struct spectrum_file **ret);

/*
 * The file of a method: @name itself when it holds a '/' or ends in ".ini",
 * else NAME.ini of $REESPEC_METHODS, /etc/reespec/methods or
 * /usr/share/reespec/methods. An unknown one is answered with those there are.
 */
int measurement_find_method(const struct args *args, const char *name,
			    char *path, size_t size);

/* The same, loaded. */
int measurement_method(const struct args *args, const char *name,
		       struct method **ret);

/* The folders that are looked through, in their order, the last one NULL. */
const char *const *measurement_method_folders(void);

/* Checks the seals of the calibrations of a method and of its second one:
 * 0, or -errno with a sentence in @why. */
int measurement_open_calibration(const char *path, struct method *m, char *why,
				 size_t size);

/*
 * Loads a method file. An error is -errno with one sentence in @why that names
 * file, line and key.
 */
int measurement_load_method(const char *path, struct method **ret, char *why,
			    size_t size);

/* One assay of @s by @m. */
int measurement_assay(const struct args *args, const struct method *m,
		      const struct spectrum *s, struct assay_result **ret);

/* One assay of two spectra of a sample by an @m that joins two. */
int measurement_assay_two(const struct args *args, const struct method *m,
			  const struct spectrum *first,
			  const struct spectrum *second,
			  struct assay_result **ret);

#endif
