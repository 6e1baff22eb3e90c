// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of text commands of a DP5 or X-123, from section 15 of the
 * protocol reference, and the rules no column can express.
 */
#include "dp5emu/config_table.h"

#include <math.h>

#include "base/cleanup.h"
#include "dp5emu/wire.h"

/* Numbers that should be whole are, within this. */
#define TINY 1e-6

#define N_BANDS 5

/* Peaking time bands: up to max_us in steps; flat tops have half the step. */
struct band {
	double max_us;
	double step_us;
	double pure_max_us;
};

static const struct band bands_20[N_BANDS] = {
	{ 6.4, 0.1, 25.6 },   { 12.8, 0.2, 51.1 },   { 25.6, 0.4, 102.2 },
	{ 51.2, 0.8, 204.4 }, { 102.4, 1.6, 408.8 },
};

static const struct band bands_80[N_BANDS] = {
	{ 1.6, 0.025, 6.39 }, { 3.2, 0.05, 12.8 },  { 6.4, 0.1, 25.6 },
	{ 12.8, 0.2, 51.1 },  { 25.6, 0.4, 102.2 },
};

#define MIN_20_US 0.8
#define MIN_80_US 0.05
#define AUTO_80_BELOW_US 5.0

static const double coarse_16[] = {
	1.12,  2.49,  3.78,  5.28,  6.56,  8.39,  10.09, 11.32,
	14.55, 17.77, 22.40, 30.84, 38.12, 47.47, 66.16, 101.83,
};

static const double coarse_24[] = {
	1.00,  1.25,  1.56,  1.95,  2.43,  3.04,   3.80,   4.75,
	5.98,  7.47,  9.34,  11.67, 14.61, 18.25,  22.82,  28.52,
	35.53, 44.39, 55.52, 69.37, 87.27, 109.04, 136.36, 170.38,
};

#define FINE_MIN 0.5
#define FINE_MAX 1.9999
#define FINE_STEP (1.0 / 16384)

static bool is_fw(const struct config *c, int major, int minor, int build)
{
	return c->profile->fw >= PROFILE_FW(major, minor, build);
}

static double floor_step(double v, double step)
{
	return floor(v / step + TINY) * step;
}

double config_coarse_gain(const struct config *c, int index)
{
	const double *t = c->profile->has_coarse_24 ? coarse_24 : coarse_16;
	int n = c->profile->has_coarse_24 ? ARRAY_SIZE(coarse_24)
					  : ARRAY_SIZE(coarse_16);

	return index >= 1 && index <= n ? t[index - 1] : NAN;
}

static bool is_80_at(const struct config *c, double tpea_us)
{
	if (config_is(c, CONFIG_CLCK, "AUTO"))
		return tpea_us < AUTO_80_BELOW_US;
	return config_number(c, CONFIG_CLCK) == 80;
}

static const struct band *band_of(const struct config *c, double tpea_us)
{
	const struct band *b = is_80_at(c, tpea_us) ? bands_80 : bands_20;

	for (int i = 0; i < N_BANDS; i++) {
		if (tpea_us <= b[i].max_us + TINY)
			return &b[i];
	}
	return NULL;
}

static int set_clck(struct config *c, enum config_id id, struct config_value *v)
{
	struct config_value *tpea = &c->value[CONFIG_TPEA];

	if (v->word < 0 && v->num != 20 && v->num != 80)
		return WIRE_ACK_PARAMETER;
	/* A peaking time the new clock cannot make has to be sent again. */
	c->value[id] = *v;
	if (tpea->is_set &&
	    (!band_of(c, tpea->num) ||
	     (!is_80_at(c, tpea->num) && tpea->num < MIN_20_US - TINY)))
		tpea->is_set = false;
	return WIRE_ACK_OK;
}

static int set_tpea(struct config *c, enum config_id id, struct config_value *v)
{
	const struct band *b = band_of(c, v->num);
	double min_us = is_80_at(c, v->num) ? MIN_80_US : MIN_20_US;

	(void)id;
	if (!b || v->num < min_us - TINY)
		return WIRE_ACK_PARAMETER;
	v->num = fmax(floor_step(v->num, b->step_us), min_us);
	return WIRE_ACK_OK;
}

static void store_gain(struct config *c, int index, double fine)
{
	struct config_value *gaia = &c->value[CONFIG_GAIA];
	struct config_value *gaif = &c->value[CONFIG_GAIF];
	struct config_value *gain = &c->value[CONFIG_GAIN];

	*gaia = (struct config_value){ true, -1, index };
	*gaif = (struct config_value){ true, -1, fine };
	*gain = (struct config_value){ true, -1,
				       config_coarse_gain(c, index) * fine };
}

static int set_gain(struct config *c, enum config_id id, struct config_value *v)
{
	double best = INFINITY, coarse, fine;
	int index = 0;

	(void)id;
	if (v->num > (c->profile->has_coarse_24 ? 250 : 150))
		return WIRE_ACK_PARAMETER;
	for (int i = 1; !isnan(coarse = config_coarse_gain(c, i)); i++) {
		fine = v->num / coarse;
		if (fine < FINE_MIN || fine > FINE_MAX ||
		    fabs(log(fine)) >= best)
			continue;
		best = fabs(log(fine));
		index = i;
	}
	if (!index)
		return WIRE_ACK_PARAMETER;
	fine = v->num / config_coarse_gain(c, index);
	store_gain(c, index, round(fine / FINE_STEP) * FINE_STEP);
	*v = c->value[CONFIG_GAIN];
	return WIRE_ACK_OK;
}

static int set_gaia(struct config *c, enum config_id id, struct config_value *v)
{
	double fine = config_number(c, CONFIG_GAIF);
	int index = (int)v->num;

	(void)id;
	if (index != v->num || isnan(config_coarse_gain(c, index)))
		return WIRE_ACK_PARAMETER;
	store_gain(c, index, isnan(fine) ? 1 : fine);
	*v = c->value[CONFIG_GAIA];
	return WIRE_ACK_OK;
}

static int set_gaif(struct config *c, enum config_id id, struct config_value *v)
{
	double index = config_number(c, CONFIG_GAIA);

	(void)id;
	v->num = round(v->num / FINE_STEP) * FINE_STEP;
	store_gain(c, isnan(index) ? 1 : (int)index, v->num);
	return WIRE_ACK_OK;
}

/* Whole microseconds from 6.07.04, before that a doubling series. */
static int set_resl(struct config *c, enum config_id id, struct config_value *v)
{
	double unit = config_is_80_mhz(c) ? 25.6 : 102.4;

	(void)id;
	if (v->word >= 0)
		return WIRE_ACK_OK;
	if (is_fw(c, 6, 7, 4))
		v->num = fmin(fmax(round(v->num), 1), 3226);
	else
		v->num = unit *
			 exp2(fmax(round(log2(fmax(v->num, 1) / unit)), 0));
	return WIRE_ACK_OK;
}

static int set_tfla(struct config *c, enum config_id id, struct config_value *v)
{
	const struct band *b = band_of(c, config_number(c, CONFIG_TPEA));
	double step;

	(void)id;
	if (!b)
		return WIRE_ACK_PARAMETER;
	step = b->step_us / 2;
	if (v->num > 63 * step + TINY)
		return WIRE_ACK_PARAMETER;
	v->num = floor_step(v->num, step);
	return WIRE_ACK_OK;
}

static int set_tpfa(struct config *c, enum config_id id, struct config_value *v)
{
	double unit = v->num / (config_is_80_mhz(c) ? 50 : 200);

	(void)id;
	if (unit == 1 || unit == 2 || unit == 8)
		return WIRE_ACK_OK;
	if ((unit == 4 || unit == 16) && is_fw(c, 6, 7, 5))
		return WIRE_ACK_OK;
	return WIRE_ACK_PARAMETER;
}

static int set_pure(struct config *c, enum config_id id, struct config_value *v)
{
	const struct band *b = band_of(c, config_number(c, CONFIG_TPEA));

	(void)id;
	if (v->word >= 0)
		return WIRE_ACK_OK;
	if (!b)
		return WIRE_ACK_PARAMETER;
	if (v->num <= b->pure_max_us)
		return WIRE_ACK_OK;
	*v = (struct config_value){ true, -1, b->pure_max_us };
	return WIRE_ACK_PARAMETER;
}

/* FAST and PUR need rise-time discrimination off, RTD needs it on. */
static int set_mcas(struct config *c, enum config_id id, struct config_value *v)
{
	bool has_rtd = config_is(c, CONFIG_RTDE, "ON");

	(void)id;
	if ((v->word == 2 || v->word == 3) && has_rtd)
		return WIRE_ACK_PARAMETER;
	if (v->word == 4 && !has_rtd)
		return WIRE_ACK_PARAMETER;
	return WIRE_ACK_OK;
}

static int set_rtds(struct config *c, enum config_id id, struct config_value *v)
{
	(void)id;
	if (v->num < 2 && is_fw(c, 6, 9, 2))
		return WIRE_ACK_PARAMETER;
	if (v->num > 1593 && !is_fw(c, 6, 8, 6))
		return WIRE_ACK_PARAMETER;
	return WIRE_ACK_OK;
}

static int set_soff(struct config *c, enum config_id id, struct config_value *v)
{
	double n = (double)config_channels(c);

	(void)id;
	if (v->word >= 0)
		return WIRE_ACK_OK;
	if (fabs(v->num) > n || (n == 8192 && v->num > 8191.75))
		return WIRE_ACK_PARAMETER;
	v->num = round(v->num / (n / 32768)) * (n / 32768);
	return WIRE_ACK_OK;
}

static int set_cusp(struct config *c, enum config_id id, struct config_value *v)
{
	(void)id;
	/* Gone from 6.10.01 and 6.10.02 only. */
	if (is_fw(c, 6, 10, 1) && !is_fw(c, 6, 10, 3))
		return WIRE_ACK_COMMAND;
	v->num = round(v->num / 3.125) * 3.125;
	return WIRE_ACK_OK;
}

static int set_thsl(struct config *c, enum config_id id, struct config_value *v)
{
	(void)id;
	if (v->num == 0 && is_fw(c, 6, 8, 6))
		v->num = 100.0 / 8192;
	return WIRE_ACK_OK;
}

static int set_thfa(struct config *c, enum config_id id, struct config_value *v)
{
	(void)id;
	return v->num > 255.9375 && !is_fw(c, 6, 7, 5) ? WIRE_ACK_PARAMETER
						       : WIRE_ACK_OK;
}

static int set_blrm(struct config *c, enum config_id id, struct config_value *v)
{
	(void)id;
	return v->word == 2 && !is_fw(c, 6, 9, 9) ? WIRE_ACK_PARAMETER
						  : WIRE_ACK_OK;
}

static int set_blrd(struct config *c, enum config_id id, struct config_value *v)
{
	(void)id;
	return v->num > 3 && !is_fw(c, 6, 9, 2) ? WIRE_ACK_PARAMETER
						: WIRE_ACK_OK;
}

/* The sign must be that of the fitted supply. */
static int set_hvse(struct config *c, enum config_id id, struct config_value *v)
{
	(void)id;
	if (v->word < 0 && v->num != 0 &&
	    (v->num > 0) != c->detector->is_hv_positive)
		return WIRE_ACK_PARAMETER;
	return WIRE_ACK_OK;
}

/* 8.5, 5, OFF, ON: a voltage must be the fitted one, ON skips the check. */
static int set_paps(struct config *c, enum config_id id, struct config_value *v)
{
	(void)id;
	if (v->word == 0 && !c->detector->is_preamp_8v5)
		return WIRE_ACK_PARAMETER;
	if (v->word == 1 && c->detector->is_preamp_8v5)
		return WIRE_ACK_PARAMETER;
	return WIRE_ACK_OK;
}

/* Selecting one of the first eight enables its output active-high. */
static int set_scai(struct config *c, enum config_id id, struct config_value *v)
{
	struct config_sca *sca;

	(void)id;
	if (v->num != floor(v->num))
		return WIRE_ACK_PARAMETER;
	sca = &c->sca[(int)v->num - 1];
	if (v->num <= 8 && !sca->output.is_set)
		sca->output = (struct config_value){ true, 1, 0 };
	return WIRE_ACK_OK;
}

static int set_sca(struct config *c, enum config_id id, struct config_value *v)
{
	double index = config_number(c, CONFIG_SCAI);
	struct config_sca *sca;

	if (isnan(index))
		return WIRE_ACK_PARAMETER;
	sca = &c->sca[(int)index - 1];
	if (id == CONFIG_SCAL)
		sca->low_chan = (int)v->num;
	else if (id == CONFIG_SCAH)
		sca->high_chan = (int)v->num;
	else if (index > 8)
		return WIRE_ACK_PARAMETER;
	else
		sca->output = *v;
	return WIRE_ACK_OK;
}

#define ON_OFF "ON OF{F}"
#define AUX_WORDS \
	"MCAEN ICR MCSTB SCA8 PILEUP DETRES ONESH PEAKH RTDOS RTDREJ VETO LIVE"
#define WORD(n, w, d) .name = n, .words = w, .def = d
#define NUMBER(n, lo, hi, st, dec, d) \
	.name = n, .min = lo, .max = hi, .step = st, .decimals = dec, .def = d

/* clang-format off */
const struct config_param config_params[CONFIG_COUNT] = {
	[CONFIG_RESC] = { .name = "RESC", .order = 1 },
	[CONFIG_CLCK] = { NUMBER("CLCK", 20, 80, 1, 0, "AUTO"), .words = "AU{TO}", .order = 2, .set = set_clck },
	[CONFIG_TPEA] = { NUMBER("TPEA", 0.05, 102.4, 0, 3, NULL), .order = 3, .set = set_tpea },
	[CONFIG_GAIN] = { NUMBER("GAIN", 0.75, 250, 0, 3, NULL), .order = 4, .set = set_gain },
	[CONFIG_GAIA] = { NUMBER("GAIA", 1, 24, 0, 0, NULL), .set = set_gaia },
	[CONFIG_GAIF] = { NUMBER("GAIF", 0.5, 1.9999, 0, 4, NULL), .order = 4, .set = set_gaif },
	[CONFIG_RESL] = { NUMBER("RESL", 0, 65535, 0, 0, "OFF"), .words = "OF{F}", .order = 4, .fallback = "0", .is_lenient = true, .set = set_resl },
	[CONFIG_TFLA] = { NUMBER("TFLA", 0, 50.4, 0, 3, "0"), .order = 4, .set = set_tfla },
	[CONFIG_TPFA] = { NUMBER("TPFA", 50, 3200, 0, 0, "100"), .order = 4, .set = set_tpfa },
	[CONFIG_PURE] = { NUMBER("PURE", 0, 1e9, 0, 2, "OFF"), .words = "ON OF{F} MA{X}", .set = set_pure },
	[CONFIG_PURS] = { NUMBER("PURS", 0, 1573, 1, 0, "OFF"), .words = "OF{F}", .since = PROFILE_FW(6, 10, 1) },
	[CONFIG_RTDE] = { WORD("RTDE", ON_OFF, "OFF"), .order = 5, .fallback = "OFF" },
	[CONFIG_RTDD] = { NUMBER("RTDD", 1, 127, 1, 0, "6"), .order = 6 },
	[CONFIG_RTDW] = { NUMBER("RTDW", 1, 127, 1, 0, "6"), .order = 6 },
	[CONFIG_RTDS] = { NUMBER("RTDS", 0, 3187, 1, 0, "2"), .fallback = "2", .set = set_rtds },
	[CONFIG_RTDT] = { NUMBER("RTDT", 0, 49.9, 0, 2, "0"), .fallback = "0" },
	[CONFIG_MCAS] = { WORD("MCAS", "NO{RM} MC{S} FA{ST} PU{R} RT{D}", "NORM"), .order = 6, .fallback = "NORM", .set = set_mcas },
	[CONFIG_MCAC] = { WORD("MCAC", "256 512 1024 2048 4096 8192", "1024"), .fallback = "1024" },
	[CONFIG_MCAE] = { WORD("MCAE", ON_OFF, "OFF") },
	[CONFIG_MCSL] = { NUMBER("MCSL", 0, 8191, 1, 0, "0"), .since = PROFILE_FW(6, 1, 0) },
	[CONFIG_MCSH] = { NUMBER("MCSH", 0, 8191, 1, 0, "8191"), .since = PROFILE_FW(6, 1, 0) },
	[CONFIG_MCST] = { NUMBER("MCST", 0, 655.35, 0.01, 2, "1.00") },
	[CONFIG_SOFF] = { NUMBER("SOFF", -8192, 8192, 0, 3, "OFF"), .words = "OF{F}", .set = set_soff },
	[CONFIG_AINP] = { WORD("AINP", "PO{S} NE{G}", "NEG") },
	[CONFIG_INOF] = { NUMBER("INOF", -2047, 2047, 1, 0, "DEF"), .words = "AU{TO} DE{F}" },
	[CONFIG_CUSP] = { NUMBER("CUSP", -99, 99, 0, 0, "0"), .words = "OF{F}", .fallback = "OFF", .is_lenient = true, .set = set_cusp },
	[CONFIG_PDMD] = { WORD("PDMD", "NO{RM} MI{N}", "NORM") },
	[CONFIG_THSL] = { NUMBER("THSL", 0, 24.9, 100.0 / 8192, 3, "0"), .set = set_thsl },
	[CONFIG_TLLD] = { NUMBER("TLLD", 0, 8191, 1, 0, "OFF"), .words = "OF{F}", .since = PROFILE_FW(6, 1, 0) },
	[CONFIG_THFA] = { NUMBER("THFA", 0, 511.9375, 0.0625, 2, "0"), .set = set_thfa },
	[CONFIG_BLRM] = { WORD("BLRM", "OF{F} 1 3", "OFF"), .set = set_blrm },
	[CONFIG_BLRD] = { NUMBER("BLRD", 0, 5, 1, 0, "0"), .set = set_blrd },
	[CONFIG_BLRU] = { NUMBER("BLRU", 0, 3, 1, 0, "0") },
	[CONFIG_GATE] = { WORD("GATE", "OF{F} HI{GH} LO{W}", "OFF") },
	[CONFIG_AUO1] = { WORD("AUO1", AUX_WORDS, "ICR"), .fallback = "ICR" },
	[CONFIG_AUO2] = { WORD("AUO2", AUX_WORDS " STREAM", "ICR"), .fallback = "ICR" },
	[CONFIG_GPIN] = { WORD("GPIN", "AUX1 AUX2 PILEUP RTDREJ SCA8 RESPER DETRES OFF 1 2 3 4 5 6 7 8", "AUX1"), .fallback = "AUX1" },
	[CONFIG_GPED] = { WORD("GPED", "RI{SING} FA{LLING}", "FALLING") },
	[CONFIG_GPGA] = { WORD("GPGA", ON_OFF, "ON") },
	[CONFIG_GPMC] = { WORD("GPMC", ON_OFF, "ON") },
	[CONFIG_GPME] = { WORD("GPME", ON_OFF, "ON") },
	[CONFIG_PRET] = { NUMBER("PRET", 0, 99999999.9, 0.1, 1, "OFF"), .words = "OF{F}" },
	[CONFIG_PRER] = { NUMBER("PRER", 0, 4294967.29, 0.001, 3, "OFF"), .words = "OF{F}", .since = PROFILE_FW(6, 1, 0) },
	[CONFIG_PREC] = { NUMBER("PREC", 0, 4294967295.0, 1, 0, "OFF"), .words = "OF{F}", .fallback = "OFF", .is_lenient = true },
	[CONFIG_PRCL] = { NUMBER("PRCL", 0, 8191, 1, 0, "0"), .since = PROFILE_FW(6, 1, 0) },
	[CONFIG_PRCH] = { NUMBER("PRCH", 0, 8191, 1, 0, "8191"), .since = PROFILE_FW(6, 1, 0) },
	[CONFIG_HVSE] = { NUMBER("HVSE", -1500, 1500, 1, 0, "OFF"), .words = "OF{F}", .needs_pc5 = true, .set = set_hvse },
	[CONFIG_TECS] = { NUMBER("TECS", 0, 299, 0.1, 0, "OFF"), .words = "OF{F}", .needs_pc5 = true },
	[CONFIG_PAPS] = { WORD("PAPS", "8{.5} 5 OF{F} ON", "OFF"), .needs_pc5 = true, .set = set_paps },
	[CONFIG_BOOT] = { WORD("BOOT", ON_OFF, NULL) },
	[CONFIG_SCAI] = { NUMBER("SCAI", 1, 16, 0, 0, NULL), .set = set_scai },
	[CONFIG_SCAL] = { NUMBER("SCAL", 0, 8191, 1, 0, NULL), .set = set_sca },
	[CONFIG_SCAH] = { NUMBER("SCAH", 0, 8191, 1, 0, NULL), .set = set_sca },
	[CONFIG_SCAO] = { WORD("SCAO", "OF{F} HI{GH} LO{W}", NULL), .set = set_sca },
	[CONFIG_SCAW] = { WORD("SCAW", "100 1000", "100"), .fallback = "100" },
	[CONFIG_SCOE] = { WORD("SCOE", "RI{SING} FA{LLING}", "RISING") },
	[CONFIG_SCOG] = { WORD("SCOG", "1 4 16", "1") },
	[CONFIG_SCOT] = { WORD("SCOT", "87 50 12 -25", "87") },
	[CONFIG_DACO] = { WORD("DACO", "OFF FAST SHAPED INPUT PEAK 1 2 3 4 5 6 7 8", "OFF") },
	[CONFIG_DACF] = { NUMBER("DACF", -500, 499, 1, 0, "0"), .fallback = "0" },
	[CONFIG_TPMO] = { WORD("TPMO", "OF{F} +S{NG} +D{BL} -S{NG} -D{BL}", "OFF") },
	[CONFIG_SYNC] = { WORD("SYNC", "IN{T} NO{TIMETAG} EX{T} FR{AME}", "INT"), .since = PROFILE_FW(6, 6, 5) },
	[CONFIG_CLKL] = { WORD("CLKL", "100 1000", "100"), .since = PROFILE_FW(6, 6, 5) },
	[CONFIG_LMMO] = { WORD("LMMO", "NO{RM} DT{C}", "NORM"), .fallback = "NORM", .since = PROFILE_FW(6, 8, 2) },
};
/* clang-format on */
