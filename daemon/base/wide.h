/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions whose loops the compiler makes again for wider registers. */
#ifndef DAEMON_BASE_WIDE_H
#define DAEMON_BASE_WIDE_H

/*
 * The width is chosen when the program starts. No sum changes its order by it
 * and nothing is contracted (-ffp-contract=off), so the bytes are the same.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

#endif
