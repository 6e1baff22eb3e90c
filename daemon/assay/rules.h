/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of a method on contents: what they say, and of which elements. */
#ifndef DAEMON_ASSAY_RULES_H
#define DAEMON_ASSAY_RULES_H

#include "assay/method.h"
#include "base/ini.h"

/*
 * "P(TREO < 0.5 %) > 5 %", more of them behind `|`, into struct method_rules;
 * "NdPr 0.5 1 2 %" into struct method_bins. As ini_key's `parse`.
 */
int rules_parse_fail(const char *value, void *field, struct ini_refusal *no);
int rules_parse_bins(const char *value, void *field, struct ini_refusal *no);

/*
 * The elements of a quantity: those of a sum by its name (TREO, LREO, HREO,
 * MREO, CREO), or the symbols it is put together from (NdPr). Their number, at
 * most RULES_MEMBERS; 0 when it is no such word. More than one, or a sum, are
 * taken as oxides, a single element as itself.
 */
enum { RULES_MEMBERS = 16 };
size_t rules_members(const char *quantity, char ret[RULES_MEMBERS][3],
		     bool *ret_oxides);

#endif
