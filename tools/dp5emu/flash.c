// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeps the configuration that is restored at power-up. */
#include "dp5emu/flash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* All that is stored, in an order that may be sent again. */
static const char stored[] =
	"CLCK;TPEA;GAIN;RESL;TFLA;TPFA;PURE;RTDE;MCAS;MCAC;SOFF;AINP;INOF;"
	"CUSP;PDMD;THSL;TLLD;THFA;BLRM;BLRD;BLRU;GATE;AUO1;AUO2;GPIN;GPED;"
	"GPGA;GPMC;GPME;PRET;PRER;PREC;PRCL;PRCH;HVSE;TECS;PAPS;BOOT;SCOE;"
	"SCOG;SCOT;DACO;DACF;TPMO;MCSL;MCSH;MCST;MCAE;";

int flash_open(struct flash *f, const char *path, const char *defaults)
{
	CLEANUP(fclosep) FILE *file = NULL;

	f->path = path;
	f->len = strlen(defaults);
	memcpy(f->text, defaults, f->len);
	if (!path)
		return 0;
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	f->len = fread(f->text, 1, sizeof(f->text), file);
	return ferror(file) ? -EIO : 0;
}

static bool is_lone_preset(const char *text, size_t len)
{
	static const char *const presets[] = { "PRET", "PRER", "PREL", "PREC" };

	if (!len || memchr(text, ';', len) != text + len - 1)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
		if (len > 5 && !memcmp(text, presets[i], 4))
			return true;
	}
	return false;
}

double flash_save(struct flash *f, const struct config *c, const char *text,
		  size_t len, struct rng *rng)
{
	CLEANUP(fclosep) FILE *file = NULL;
	char out[CONFIG_READ_MAX];
	size_t n;

	if (is_lone_preset(text, len) && c->profile->fw >= PROFILE_FW(6, 9, 6))
		return 0;
	n = config_read(c, stored, sizeof(stored) - 1, out);
	f->len = (size_t)snprintf(f->text, sizeof(f->text), "RESC=Y;%.*s",
				  (int)n, out);
	if (f->path) {
		file = fopen(f->path, "we");
		if (file)
			fwrite(f->text, 1, f->len, file);
	}
	return FLASH_WRITE_US *
	       (0.8 +
		3.2 * rng_uniform(rng) * rng_uniform(rng) * rng_uniform(rng));
}
