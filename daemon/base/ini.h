/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * INI files read by a table of keys, the door to inih.
 *
 * A file is UTF-8 with `[section]`, `key = value`, comments from `#` or `;`
 * at the start of a line or from ` ;` on. An indented line continues the
 * value before it, joined by one blank. Every key is named in the table:
 * an unknown section or key (a section that is not in the table must hold
 * keys), a key twice, a missing required one, text where
 * a number belongs or a number out of range is an error that says where.
 */
#ifndef DAEMON_BASE_INI_H
#define DAEMON_BASE_INI_H

#include <stdbool.h>
#include <stddef.h>

#define INI_FILE_MAX (1024 * 1024)

enum ini_type {
	INI_STRING, /* char *, of malloc() */
	INI_LIST, /* char **: NULL-terminated, split at commas and blanks */
	INI_DOUBLE, /* double, within min..max */
	INI_INT, /* int, within min..max */
	INI_BOOL, /* bool: yes no true false on off */
	INI_ENUM, /* int: place of the word in `values` */
	INI_CUSTOM, /* what `parse` makes of it */
};

/* Why a value is refused, by a static text, and what of it that is about. */
struct ini_refusal {
	const char *why;
	const char *word; /* in the value; NULL: all of it */
	size_t word_len;
};

/*
 * One key. `def` is the text used when the file does not name the key; NULL
 * makes the key required. A default is read by the same rules, without a
 * line of its own. With both min and max 0 a number has no bounds.
 */
struct ini_key {
	const char *section;
	const char *key;
	enum ini_type type;
	size_t offset; /* of the field in the target struct */
	const char *def;
	double min;
	double max;
	const char *unit; /* for messages and documents; NULL = none */
	const char *const *values; /* INI_ENUM: words, NULL at the end */
	/* INI_CUSTOM: 0, or -errno with @no filled or left alone. */
	int (*parse)(const char *value, void *field, struct ini_refusal *no);
	/* INI_CUSTOM: releases the field; NULL when there is nothing to. */
	void (*release)(void *field);
};

/* What is wrong, where: ini_error_text() makes one line of it. */
struct ini_error {
	char file[256];
	int line; /* 0: the whole file, as for a missing key */
	char section[64];
	char key[64];
	char why[512]; /* with the allowed range or words */
};

/*
 * Takes what the table does not know, e.g. sections that repeat under names
 * of their own; return 0 when taken, -ENOENT when it is unknown here too,
 * another -errno with *why to refuse the value.
 */
typedef int (*ini_other_fn)(void *target, const char *section, const char *key,
			    const char *value, const char **why);

/* Told of one thing that is wrong; the file is read on behind it. */
typedef void (*ini_fault_fn)(void *userdata, const struct ini_error *err);

struct ini_table {
	const struct ini_key *keys;
	size_t n_keys;
	ini_other_fn other; /* NULL: everything unknown is an error */
	const char *other_section; /* what that takes, for messages */
	/* NULL: it ends at the first. Else @err of the call is the first, and
	 * the target holds what could be read. */
	ini_fault_fn on_fault;
	void *userdata;
};

/*
 * Fills @target, zero-filled by the caller, from a file or from text (@name
 * stands for the file in errors). 0; -EBADMSG with @err filled when the
 * contents are wrong; else the errno of reading the file, with @err->why set.
 * After a failure the strings already set are released and zeroed, but with
 * `on_fault`, when ini_release() is the caller's.
 */
int ini_load(const char *path, const struct ini_table *table, void *target,
	     struct ini_error *err);
int ini_parse_text(const char *name, const char *text, size_t len,
		   const struct ini_table *table, void *target,
		   struct ini_error *err);

/* Releases strings, lists and custom fields of @target. */
void ini_release(const struct ini_table *table, void *target);

/* `FILE:LINE: [SECTION] KEY: WHY`, parts that are empty left out. */
void ini_error_text(const struct ini_error *err, char *ret, size_t size);

#endif
