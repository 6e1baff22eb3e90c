/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One fault at a time in a good spectrum file. */
#ifndef TESTS_UNIT_PROTO_TRY_H
#define TESTS_UNIT_PROTO_TRY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/spectrum_file.h"

typedef int (*proto_parse)(const char *data, size_t len,
			   struct spectrum_file **ret, struct scan_error *err);

/* From memory that ends where the file ends, so that no byte beyond is read. */
static inline int proto_parse_exactly(proto_parse parse, const char *text,
				      size_t len, struct spectrum_file **ret,
				      struct scan_error *err)
{
	char *copy = malloc(len ? len : 1);
	int r;

	if (!copy)
		abort();
	memcpy(copy, text, len);
	r = parse(copy, len, ret, err);
	free(copy);
	return r;
}

/* Puts @to in the place of @from, and what is said of it. */
struct proto_fault {
	const char *from, *to;
	int line;
	const char *field, *why;
};

static inline int proto_parse_with(proto_parse parse, const char *good,
				   const char *from, const char *to,
				   struct spectrum_file **ret,
				   struct scan_error *err)
{
	const char *at = strstr(good, from);
	static char text[65536];

	if (!at)
		abort();
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to,
		 at + strlen(from));
	memset(err, 0, sizeof(*err));
	return proto_parse_exactly(parse, text, strlen(text), ret, err);
}

#define EXPECT_FAULTS(parse, good, faults)                                  \
	for (size_t i_ = 0; i_ < ARRAY_SIZE(faults); i_++) {                \
		struct spectrum_file *f_ = NULL;                            \
		struct scan_error err_;                                     \
		const struct proto_fault *c_ = &(faults)[i_];               \
		EXPECT_EQ(-EBADMSG, proto_parse_with(parse, good, c_->from, \
						     c_->to, &f_, &err_))   \
		{                                                           \
			TH_LOG("%s", c_->to);                               \
		}                                                           \
		spectrum_file_free(f_);                                     \
		EXPECT_EQ(c_->line, err_.line)                              \
		{                                                           \
			TH_LOG("%s: %s", c_->to, err_.why);                 \
		}                                                           \
		EXPECT_STREQ(c_->field, err_.field);                        \
		EXPECT_NE(NULL, strstr(err_.why, c_->why))                  \
		{                                                           \
			TH_LOG("%s: %s", c_->to, err_.why);                 \
		}                                                           \
	}

/* Every byte replaced by each of some, and every cut: no crash, and a refusal
 * says why. */
static inline bool proto_survives(proto_parse parse, const char *good)
{
	static const char bytes[] = "\0\n<-9=;:.$#e\xff";
	size_t n = strlen(good);
	bool is_well = true;
	char text[4096];

	memcpy(text, good, n + 1);
	for (size_t i = 0; i < 2 * n; i++) {
		for (size_t k = 0; k < sizeof(bytes) - 1; k++) {
			struct spectrum_file *f = NULL;
			struct scan_error err = { 0 };

			text[i % n] = bytes[k];
			if (proto_parse_exactly(parse, text, i < n ? n : i - n,
						&f, &err) < 0)
				is_well = is_well && *err.why && !f;
			spectrum_file_free(f);
		}
		text[i % n] = good[i % n];
	}
	return is_well;
}

#endif
