/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts as blobs, the door to zstd.
 *
 * The byte form of a blob is its counts as little-endian u32, channel 0
 * first, nothing else; its name is the SHA-256 of these bytes. How it is
 * packed in the database is nobody's business.
 */
#ifndef DAEMON_LEDGER_SPECTRA_H
#define DAEMON_LEDGER_SPECTRA_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "ledger/chain.h"

#define SPECTRA_CHANNELS_MAX 65536
#define SPECTRA_BYTES_MAX (4 * SPECTRA_CHANNELS_MAX)

/* The byte form of @n counts is appended to @ret. */
int spectra_bytes(const uint32_t *counts, size_t n, struct buf *ret);
/* Its name. */
int spectra_name(const uint32_t *counts, size_t n, char ret[CHAIN_HASH_SIZE]);
/* Counts from a byte form: -EBADMSG when @len is no multiple of 4. @ret has
 * room for len / 4. */
int spectra_counts(const void *bytes, size_t len, uint32_t *ret);

/* What packing and unpacking work in, of one thread at a time. To make it anew
 * for each spectrum would take longer than to unpack one of 2048 channels. */
struct spectra_packer;

int spectra_packer_new(struct spectra_packer **ret);
struct spectra_packer *spectra_packer_free(struct spectra_packer *p);
CLEANUP_FUNC(struct spectra_packer, spectra_packer_free);

/* Packs a byte form; appended to @ret. */
int spectra_pack(struct spectra_packer *p, const void *bytes, size_t len,
		 struct buf *ret);
/* Unpacks to exactly @len bytes: -EBADMSG when it is damaged or of another
 * length, -EFBIG when @len is beyond SPECTRA_BYTES_MAX. */
int spectra_unpack(struct spectra_packer *p, const void *packed,
		   size_t packed_len, size_t len, struct buf *ret);

#endif
