// SPDX-License-Identifier: GPL-2.0-or-later
/* Counts as bytes with a name, packed by zstd. */
#include "ledger/spectra.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

/* On a spectrum of 2048 channels levels 1 and 3 leave the same half of the
 * bytes, and 19 an eighth less for many times the work. */
#define PACK_LEVEL 1

struct spectra_packer {
	ZSTD_CCtx *pack;
	ZSTD_DCtx *unpack;
};

int spectra_bytes(const uint32_t *counts, size_t n, struct buf *ret)
{
	uint8_t *p;
	int r;

	if (n > SPECTRA_CHANNELS_MAX)
		return -EFBIG;
	r = buf_reserve(ret, 4 * n);
	if (r < 0)
		return r;
	p = (uint8_t *)ret->data + ret->len;
	for (size_t i = 0; i < n; i++, p += 4) {
		p[0] = (uint8_t)counts[i];
		p[1] = (uint8_t)(counts[i] >> 8);
		p[2] = (uint8_t)(counts[i] >> 16);
		p[3] = (uint8_t)(counts[i] >> 24);
	}
	ret->len += 4 * n;
	ret->data[ret->len] = '\0';
	return 0;
}

int spectra_name(const uint32_t *counts, size_t n, char ret[CHAIN_HASH_SIZE])
{
	CLEANUP(buf_deinit) struct buf bytes = { 0 };
	int r;

	r = spectra_bytes(counts, n, &bytes);
	if (r < 0)
		return r;
	chain_sha256(bytes.data, bytes.len, ret);
	return 0;
}

int spectra_counts(const void *bytes, size_t len, uint32_t *ret)
{
	const uint8_t *p = bytes;

	if (len % 4)
		return -EBADMSG;
	for (size_t i = 0; i < len / 4; i++, p += 4)
		ret[i] = (uint32_t)p[0] | (uint32_t)p[1] << 8 |
			 (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	return 0;
}

int spectra_packer_new(struct spectra_packer **ret)
{
	CLEANUP(spectra_packer_freep) struct spectra_packer *p = NULL;

	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->pack = ZSTD_createCCtx();
	p->unpack = ZSTD_createDCtx();
	if (!p->pack || !p->unpack)
		return -ENOMEM;
	*ret = TAKE_PTR(p);
	return 0;
}

struct spectra_packer *spectra_packer_free(struct spectra_packer *p)
{
	if (!p)
		return NULL;
	ZSTD_freeCCtx(p->pack);
	ZSTD_freeDCtx(p->unpack);
	free(p);
	return NULL;
}

int spectra_pack(struct spectra_packer *p, const void *bytes, size_t len,
		 struct buf *ret)
{
	size_t bound = ZSTD_compressBound(len);
	size_t n;
	int r;

	if (len > SPECTRA_BYTES_MAX)
		return -EFBIG;
	r = buf_reserve(ret, bound);
	if (r < 0)
		return r;
	n = ZSTD_compressCCtx(p->pack, ret->data + ret->len, bound, bytes, len,
			      PACK_LEVEL);
	if (ZSTD_isError(n))
		return -ENOMEM;
	ret->len += n;
	ret->data[ret->len] = '\0';
	return 0;
}

int spectra_unpack(struct spectra_packer *p, const void *packed,
		   size_t packed_len, size_t len, struct buf *ret)
{
	size_t n;
	int r;

	if (len > SPECTRA_BYTES_MAX)
		return -EFBIG;
	r = buf_reserve(ret, len);
	if (r < 0)
		return r;
	n = ZSTD_decompressDCtx(p->unpack, ret->data + ret->len, len, packed,
				packed_len);
	if (ZSTD_isError(n) || n != len)
		return -EBADMSG;
	ret->len += n;
	ret->data[ret->len] = '\0';
	return 0;
}
