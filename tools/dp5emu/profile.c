// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables of firmware versions and detectors. */
#include "dp5emu/profile.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

/*
 * 6.02 stands for the oldest field units, 6.08.06 with FPGA 6.11 for the most
 * common ones, 6.10.04 for the one captured: its status bytes 16 to 19 are
 * not zero although the guide calls them unused.
 */
/* clang-format off */
static const struct profile profiles[] = {
	{ "6.10.04", PROFILE_FW(6, 10, 4), 7, 7, 0x7f, 0x50, true, false, 0x00336520 },
	{ "6.08.06", PROFILE_FW(6, 8, 6), 6, 11, 0xff, 0xff, false, false, 0 },
	{ "6.02", PROFILE_FW(6, 2, 0), 5, 3, 0, 0, false, false, 0 },
	{ "mini-x2", PROFILE_FW(2, 0, 0), 0, 0, 0, 0, false, true, 0 },
};

/* Settings shared by all three: protocol reference 16.1 and 16.3. */
#define COMMON_DEFAULTS                                                      \
	"RTDE=OFF;MCAS=NORM;MCAC=2048;SOFF=OFF;INOF=DEF;PDMD=NORM;TLLD=OFF;" \
	"DACO=SHAPED;DACF=50;BLRM=1;BLRD=3;BLRU=0;GATE=OFF;AUO1=SCA8;"       \
	"PRET=OFF;PRER=OFF;PREC=OFF;PRCL=1;PRCH=8191;PAPS=ON;SCOE=FALLING;"  \
	"AUO2=ICR;TPMO=OFF;GPED=RISING;GPIN=AUX1;GPME=ON;GPGA=ON;GPMC=ON;"   \
	"MCAE=OFF;"

static const struct detector detectors[] = {
	{ "sdd", false, true, true,
	  "RESC=Y;CLCK=80;TPEA=9.600;GAIN=64.998;RESL=204;TFLA=0.200;TPFA=100;"
	  "PURE=ON;AINP=POS;THSL=0.976;THFA=41.43;HVSE=-110;TECS=220;"
	  COMMON_DEFAULTS },
	{ "cdte", true, false, false,
	  "RESC=Y;CLCK=80;TPEA=2.400;GAIN=11.996;RESL=512;TFLA=0.600;TPFA=100;"
	  "PURE=ON;AINP=NEG;THSL=0.976;THFA=9.93;HVSE=700;TECS=220;"
	  COMMON_DEFAULTS },
	{ "sipin", true, false, false,
	  "RESC=Y;CLCK=20;TPEA=25.600;GAIN=54.999;RESL=819;TFLA=0.200;TPFA=400;"
	  "PURE=ON;AINP=NEG;THSL=1.416;THFA=41.43;HVSE=180;TECS=190;"
	  COMMON_DEFAULTS },
};
/* clang-format on */

const struct profile *profile_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	}
	return NULL;
}

const struct detector *detector_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(detectors); i++) {
		if (!strcmp(detectors[i].name, name))
			return &detectors[i];
	}
	return NULL;
}

const char *profile_names(void)
{
	return "6.10.04 6.08.06 6.02 mini-x2";
}

const char *detector_names(void)
{
	return "sdd cdte sipin";
}
