/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine that turns a spectrum into contents with uncertainties. */
#ifndef DAEMON_ASSAY_ASSAY_H
#define DAEMON_ASSAY_ASSAY_H

#include <stdbool.h>
#include <stddef.h>

#include "assay/method.h"
#include "assay/spectrum.h"

struct assay_engine;

/* Flags of one element. */
enum {
	ASSAY_ELEMENT_CENSORED = 1 << 0, /* below its L_C */
	ASSAY_ELEMENT_OVERLAP = 1 << 1, /* u at least 3 times that alone */
	ASSAY_ELEMENT_NULL_SPACE = 1 << 2, /* not determined by this spectrum */
	ASSAY_ELEMENT_NOT_THICK = 1 << 3, /* photons come from the far side */
	ASSAY_ELEMENT_OFF_PATTERN = 1 << 4, /* beside its neighbours' curve */
	ASSAY_ELEMENT_NO_STANDARD = 1 << 5, /* none in the calibration */
	ASSAY_ELEMENT_NOT_FOUND = 1 << 6, /* a candidate, not in the fit */
	ASSAY_ELEMENT_OUTSIDE = 1 << 7, /* above all standards' contents */
};

/* Flags of the whole. */
enum {
	ASSAY_POOR_FIT = 1 << 0,
	ASSAY_NOT_CONVERGED = 1 << 1,
	ASSAY_GAIN_MOVED = 1 << 2,
	ASSAY_SUM_OUT_OF_RANGE = 1 << 3,
	ASSAY_FEW_COUNTS = 1 << 4,
	ASSAY_RATE_HIGH = 1 << 5,
	ASSAY_NO_ICR = 1 << 6,
	ASSAY_RIDGE = 1 << 7, /* normal matrix needed a ridge */
	ASSAY_CLAMPED = 1 << 8, /* current asked for more than the whole */
	ASSAY_SCALE_CLOSURE = 1 << 9, /* oxides reached the whole */
	ASSAY_OUTSIDE = 1 << 10, /* an element is above all standards' */
	ASSAY_N_FLAGS = 11,
};

enum assay_stop {
	ASSAY_STOP_CONVERGED,
	ASSAY_STOP_ITERATIONS,
	ASSAY_STOP_SINGULAR,
	ASSAY_STOP_NOT_FINITE,
};

enum assay_verdict {
	ASSAY_ACCEPTED,
	ASSAY_QUESTIONABLE,
	ASSAY_REJECTED,
};

/* Of the dried sample, mg/kg; zeros when no moisture was stated. */
struct assay_dry {
	double content;
	double u;
};

/* Contents in mg/kg, raw and uncensored; `u` is one standard uncertainty. */
struct assay_element {
	int z;
	char symbol[3];
	char line[8]; /* strongest line in the range, as "La1" or "Ka1" */
	double line_kev;
	double content;
	double u; /* everything */
	struct assay_dry dry;
	double with_moisture; /* covariance with it, mg/kg */
	double u_count; /* counting statistics with all overlaps */
	double lc;
	double ld;
	double loq;
	double area; /* fitted counts of all lines in the range */
	double u_area;
	char oxide[12]; /* "Pr6O11"; empty: none */
	double oxide_factor;
	double thick_g_cm2; /* from where on 99 % of `line` comes out */
	double normalised; /* to CI chondrite; NAN: no rare earth, or censored */
	unsigned int flags;
	bool is_air; /* of the air path, no part of the sample */
	bool is_candidate; /* in the fit only if the counts ask for it */
	bool is_listed; /* by the method, no candidate of its range */
	double gain; /* of a candidate in the fit: twice the log likelihood */
};

enum { ASSAY_SUM_MEMBERS = 16 };

struct assay_sum {
	const char *name; /* "TREO" */
	double content; /* oxides, mg/kg */
	double u;
	struct assay_dry dry;
	double u_count; /* counting statistics with all overlaps */
	double ld;
	int n_members;
	int n_censored;
	size_t member[ASSAY_SUM_MEMBERS]; /* indices of the elements */
};

enum assay_sum_name {
	ASSAY_TREO,
	ASSAY_LREO,
	ASSAY_HREO,
	ASSAY_MREO,
	ASSAY_CREO,
	ASSAY_N_SUMS,
};

/* Ratios of the pattern; both NAN when a member is below its L_C. */
struct assay_ratio {
	double value;
	double u;
};

/* What rules make of a sample. */
enum assay_outcome {
	ASSAY_OPEN, /* not decided, or there is no rule */
	ASSAY_PASS,
	ASSAY_FAIL,
};

/* When it is judged: sort.c says what that means for the errors. */
enum assay_when {
	ASSAY_ONCE, /* the only time */
	ASSAY_LOOK, /* while counting, and perhaps again */
	ASSAY_LAST, /* after looks that decided nothing */
};

struct assay_rule {
	char text[METHOD_RULE];
	double content; /* of what it is about, mg/kg */
	double u;
	double p; /* of what it calls bad */
	double limit; /* of p, at the end of counting */
	enum assay_outcome outcome;
};

struct assay_decision {
	enum assay_outcome outcome;
	enum assay_when when;
	struct assay_rule rule[METHOD_MAX_RULES];
	size_t n_rules;
	int grade; /* from 1; 0: the method has no bins */
	double grade_p;
	char quantity[METHOD_QUANTITY]; /* what the bins are of */
	double content;
	double u;
};

/*
 * A combination of unknowns that the spectrum does not tell: what is added to
 * one of them the others take away. The largest parts of its vector of one.
 */
enum { ASSAY_NULL_VECTORS = 4, ASSAY_NULL_PARTS = 6 };

struct assay_null {
	double eigenvalue; /* of the normal matrix with a diagonal of ones */
	size_t n_parts;
	struct {
		char name
			[32]; /* "La", "La L1", "gain", "background at 6.2 keV" */
		double part;
	} part[ASSAY_NULL_PARTS];
};

struct assay_label {
	double kev;
	char text[12]; /* "La La1" */
	double counts; /* height of the peak above the rest */
};

struct assay_result {
	char method[64];
	char sample[64];
	/* The table before xraylib's line data; empty: none. */
	struct {
		char table[64];
		char version[32];
	} line_data;
	/* Of the factors applied; the first is empty when there are none. */
	struct {
		char file[64];
		char sha256[65]; /* empty: nobody checked its seal */
		char made[32];
		int n_standards;
	} calibration;

	struct assay_element *element;
	size_t n_elements;
	/* Of the contents, (mg/kg)^2, row-major, n_elements squared. */
	double *cov;

	struct assay_sum sum[ASSAY_N_SUMS];
	double th_bq_g;
	double u_bq_g; /* U-238 */
	double u_th_bq_g;
	double u_u_bq_g;
	double sum_bq_g; /* over 1 Bq/g it is the sum of fractions */
	double u_sum_bq_g;
	double p_above_1bq_g;
	double p_above_10bq_g;
	struct assay_ratio eu_anomaly; /* Eu_N / sqrt(Sm_N Gd_N) */
	struct assay_ratio ce_anomaly; /* Ce_N / sqrt(La_N Pr_N) */
	struct assay_ratio la_yb; /* La_N / Yb_N */
	double p_above_cut_off; /* NAN: the method has no cut-off */

	double live_s;
	double real_s;
	double total_counts;
	double input_rate_cps;

	double chi2; /* reduced */
	double ridge; /* that the normal matrix needed; 0: none */
	struct assay_null null_space[ASSAY_NULL_VECTORS];
	size_t n_null;
	int n_channels;
	int n_parameters;
	enum assay_stop stop;
	bool is_refit; /* by the columns of an earlier spectrum */
	int n_iterations;
	double candidates_threshold; /* of their gain; 0: there are none */
	double last_change; /* largest relative change of the last step */
	double gain_kev; /* per channel, as found */
	double offset_kev; /* energy of channel 0, as found */
	double gain_stated_kev;
	double offset_stated_kev;
	double u_gain_kev;
	double u_offset_kev;
	double noise_fwhm_kev;
	double fwhm_mn_kev; /* width at 5.895 keV */
	double escape_factor; /* found over computed */
	double tail_factor; /* of the response's tails; NAN: not asked for */
	double u_tail_factor;
	double fano; /* NAN: fixed at what the method says */
	double u_fano;
	double u_noise_fwhm_kev; /* both widen peaks, so they hang together: */
	double fano_noise; /* their correlation */
	double pileup; /* pulses with another upon them; 0: none asked for */
	enum method_scale scale_by; /* what fixed the intensity scale */
	double scale; /* mA s of the excitation table */
	double u_scale; /* relative */
	double oxide_sum; /* of the matrix, before the balance */
	double balance; /* mass fraction of what is not seen */
	/* As stated, see loss.h; NAN: not. */
	double moisture;
	double loi;
	double u_moisture;
	double loss; /* both together, as found; 0: none stated */
	double u_loss;
	double balance_mix; /* 0: `dark`, 1: `dark_light` */
	double compton_rayleigh; /* found over computed; NAN: no such peaks */
	double areal_g_cm2;

	unsigned int flags;
	enum assay_verdict verdict;
	char verdict_why[METHOD_TEXT];
	struct assay_decision decision; /* as of ASSAY_ONCE; see sort.h */

	/* The curve, channel by channel over the whole axis. */
	size_t n_chan;
	double *energy_kev;
	double *counts;
	double *model; /* 0 outside first..last */
	double *background; /* the part that is no element line */
	size_t first_chan;
	size_t last_chan;

	struct assay_label *label;
	size_t n_labels;

	/*
	 * The second of two spectra, owned: its method, fit, axis, exposure,
	 * curve, lines and areas; the contents are the same. NULL: one.
	 */
	struct assay_result *beside;
};

/*
 * Makes the tables of a method: the slow part, some tenths of a second. The
 * method is borrowed and must outlive the engine. Engines share nothing.
 */
int assay_engine_new(const struct method *m, struct assay_engine **ret);
/* What a number of the two above and below means: a library that is not there, too. */
const char *assay_engine_error(int r);
struct assay_engine *assay_engine_free(struct assay_engine *e);
CLEANUP_FUNC(struct assay_engine, assay_engine_free);

/*
 * One assay. Returns 0, -ENOMEM, or -EINVAL when spectrum_check() refuses
 * the spectrum or its axis misses the range; then assay_engine_why() says
 * why. An engine serves one call at a time. The same input gives the same
 * result to the byte. The caller frees the result.
 */
int assay_engine_run(struct assay_engine *e, const struct spectrum *s,
		     struct assay_result **ret);
const char *assay_engine_why(const struct assay_engine *e);

/*
 * One assay of two spectra of a sample, by a method that joins two: one
 * composition for both, an exposure for each. Of the sample, what the first
 * spectrum states holds. All else as for assay_engine_run(), which refuses
 * such a method as this refuses others.
 */
int assay_engine_run_two(struct assay_engine *e, const struct spectrum *first,
			 const struct spectrum *second,
			 struct assay_result **ret);

/* How assay_engine_follow() came to its result. */
enum assay_follow {
	ASSAY_REFITTED,
	/* By a whole run, since */
	ASSAY_RUN_FIRST, /* there was nothing to go on from */
	ASSAY_RUN_OTHER, /* it is not the last spectrum, grown */
	ASSAY_RUN_MOVED, /* the composition moved, by refit.c's rule */
	ASSAY_RUN_AXIS, /* the axis moved too far for its slopes */
};

/*
 * Assays a spectrum that grows, reading after reading: by a refit in a
 * hundredth of the time of a run, which takes no memory, and where that would
 * not do by a whole run. `*r` is the result of the last call, at first NULL;
 * it is changed in place, or freed and replaced, and stays on an error. Errors
 * are those of assay_engine_run(), which may be called in between. The same
 * readings give the same results to the byte.
 */
int assay_engine_follow(struct assay_engine *e, const struct spectrum *s,
			struct assay_result **r, enum assay_follow *ret_how);

struct assay_result *assay_result_free(struct assay_result *r);
CLEANUP_FUNC(struct assay_result, assay_result_free);

#endif
