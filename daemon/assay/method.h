/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A method: everything an assay needs to know beside the spectrum. */
#ifndef DAEMON_ASSAY_METHOD_H
#define DAEMON_ASSAY_METHOD_H

#include <stdbool.h>
#include <stddef.h>

#include "assay/line_data.h"
#include "base/cleanup.h"

enum {
	METHOD_MAX_ELEMENTS = 80,
	METHOD_MAX_LAYERS = 8,
	METHOD_MAX_PARTS = 8,
	METHOD_MAX_FLUX = 2048,
	METHOD_MAX_TUBE_LINES = 64,
	METHOD_MAX_SHAPE = 64,
	METHOD_TEXT = 256,
	METHOD_HEAVY_Z = 19, /* the first that is not light */
	METHOD_QUANTITY = 32,
	METHOD_RULE = 80,
	METHOD_MAX_RULES = 8,
	METHOD_MAX_BINS = 15,
};

/* Why a method was refused; `line` is 0 when no line is to blame. */
struct method_error {
	char file[METHOD_TEXT];
	int line;
	char key[64];
	char why[512];
	struct method_faults *all; /* method.c's own: goes on behind a fault */
};

enum method_keep {
	METHOD_KEEP_RESULT,
	METHOD_KEEP_READINGS,
};

/* What the daemon sets and waits for; the assay does not read it. */
struct method_acquisition {
	char config[METHOD_TEXT]; /* text configuration, "NAME=VALUE;..." */
	double preset_live_s; /* default of the operator's preset */
	double interval_s; /* between readings */
	enum method_keep keep;
	/* Energy of channel k with this configuration, until calibrated. */
	double zero_kev;
	double kev_per_chan;
};

/* One absorbing layer: mass fractions by atomic number, mass per area. */
struct method_layer {
	int z[METHOD_MAX_PARTS];
	double w[METHOD_MAX_PARTS];
	size_t n_parts;
	double areal_g_cm2;
	double cm; /* thickness */
};

/* Tube output into the beam at 1 mA; filters after it are in `filter`. */
struct method_tube {
	char anode[3];
	double kv;
	bool is_ebel; /* the tables are by ebel.c, from what follows */
	double electron_deg; /* to the anode's surface */
	double photon_deg;
	double solid_angle_sr; /* of the beam */
	double flux_kev[METHOD_MAX_FLUX]; /* continuum, linear between */
	double flux[METHOD_MAX_FLUX]; /* photons/s/keV */
	size_t n_flux;
	double line_kev[METHOD_MAX_TUBE_LINES];
	double line_flux[METHOD_MAX_TUBE_LINES]; /* photons/s */
	size_t n_lines;
	struct method_layer filter[METHOD_MAX_LAYERS];
	size_t n_filters;
};

struct method_geometry {
	double incidence_deg; /* to the surface */
	double takeoff_deg;
	double scatter_deg;
	double detector_cm2;
	double distance_cm; /* from the middle of the spot to the detector */
	struct method_layer path_in;
	struct method_layer path_out;
};

struct method_detector {
	struct method_layer crystal;
	struct method_layer layer[METHOD_MAX_LAYERS];
	size_t n_layers;
	double noise_fwhm_kev;
	double fano;
	double pair_ev; /* energy per electron-hole pair */
	/* Response beside the Gauss, by energy of the photon: see shape.c. */
	double shape_kev[METHOD_MAX_SHAPE];
	double shelf[METHOD_MAX_SHAPE]; /* 1/keV */
	double tail[METHOD_MAX_SHAPE]; /* 1/keV */
	double slope[METHOD_MAX_SHAPE]; /* 1/keV */
	size_t n_shape;
	/* Steps that photon energies are taken to; 0, as in nature: none. */
	double line_grid_kev;
	double escape_prior; /* relative sigma of the escape fraction */
	/*
	 * Charge on its way through the crystal, see hecht.c: mobility times
	 * lifetime in cm2/V. All 0: all of it is collected.
	 */
	double bias_v;
	double electron_mutau;
	double hole_mutau;
	double pair_resolution_us; /* pulses closer are one; 0: none are */
	double pileup_prior; /* relative sigma of what that makes */
};

/* One element of the fit, with the oxide that reports and matrix use. */
struct method_element {
	int z;
	char symbol[3];
	char line[4]; /* K or L: the shell that is quantified */
	double oxide_cation; /* n and m of El_n O_m in the report, m = 0: none */
	double oxide_oxygen;
	double matrix_cation; /* the same in the matrix */
	double matrix_oxygen;
	bool is_air; /* from the air path: fitted, not in the sample */
	bool is_silent; /* not fitted in this set-up of two: only absorbs */
	bool is_listed; /* in [elements], not among the candidates alone */
	/* In the fit only if the counts ask for it: see candidates.c. */
	bool is_candidate;
};

enum method_scale {
	METHOD_SCALE_SCATTER, /* from the tube's scatter */
	METHOD_SCALE_CURRENT, /* from the stated tube current */
	METHOD_SCALE_CLOSURE, /* oxides and a known balance are the whole */
};

/* What the sample holds and X-rays do not see. */
struct method_matrix {
	struct method_layer dark; /* `areal_g_cm2` of the layer is unused */
	struct method_layer dark_light; /* one end of the mixing line */
	struct method_layer dark_heavy; /* the other end */
	enum method_scale scale;
	/* By closure: what is not seen, mass fraction, as loss on ignition. */
	double balance;
	double u_balance;
	/* How well moisture and loss are stated of a sample, mass fraction. */
	double u_moisture;
	double u_loi;
	double areal_g_cm2;
	double density_g_cm3;
	/* Relative sigma of the scatter as predicted, by feature. */
	double u_rayleigh;
	double u_compton;
	double u_continuum; /* of each band */
	double u_current; /* of a stated tube current */
	double band_low_kev; /* range of the continuum that is used */
	double band_high_kev;
};

struct method_fit {
	double low_kev;
	double high_kev;
	double knots_fwhm; /* distance of spline knots, widths of a line */
	double spline_prior; /* relative sigma of each spline coefficient */
	double subshell_prior; /* relative sigma of L1 and L2 against L3 */
	double line_model; /* relative error of lines, in each channel */
	double scatter_model; /* relative error of the tube's scatter peaks */
	double gain_prior; /* relative */
	double offset_prior_kev;
	double noise_prior_kev;
	double tail_prior; /* of all tails of the response, relative; 0: none */
	double fano_prior; /* of the Fano factor, relative; 0: it is fixed */
	bool m_lines; /* M lines are fitted, too */
	double m_prior; /* relative sigma of an element's M lines */
	/* Chance that one or more candidates come in that are not there. */
	double candidates_error;
};

/* Stated model uncertainties, relative, one standard deviation. */
struct method_model {
	double common; /* of all lines together, beside the scatter */
	double element; /* of each element on its own */
	double light; /* the same below METHOD_HEAVY_Z */
	double preparation;
};

/*
 * Measured over calculated intensities, by element of the method. Without a
 * calibration `file` is empty and every factor one.
 */
struct method_calibration {
	char file[64];
	char key[64]; /* public key it must be signed by; empty: any or none */
	char *text; /* the whole file, for those who check its seal */
	size_t text_len;
	char sha256[65]; /* set by those who checked the seal */
	char made[32];
	int n_standards;
	double k[METHOD_MAX_ELEMENTS];
	int n_seen[METHOD_MAX_ELEMENTS]; /* standards that hold the element */
	/* Their least and largest content of it, mg/kg; 0: the file tells none. */
	double low[METHOD_MAX_ELEMENTS];
	double high[METHOD_MAX_ELEMENTS];
	/* Of the logarithms of k, row-major, n_elements squared. */
	double cov[METHOD_MAX_ELEMENTS * METHOD_MAX_ELEMENTS];
};

struct method_accept {
	double max_chi2;
	double max_gain_change; /* relative */
	double max_offset_kev;
	double sum_low; /* oxides and balance before normalisation */
	double sum_high;
	double min_counts;
	double max_rate_cps;
	double cut_off_treo; /* mg/kg; NAN: none */
};

/* "P(TREO < 0.5 %) > 5 %": the sample fails when that holds. */
struct method_rule {
	char text[METHOD_RULE];
	char quantity[METHOD_QUANTITY];
	bool is_below;
	double bound; /* mg/kg */
	double p;
};

struct method_rules {
	struct method_rule rule[METHOD_MAX_RULES];
	size_t n;
};

/* Grades by the content of a quantity: one more than bounds. */
struct method_bins {
	char quantity[METHOD_QUANTITY];
	double bound[METHOD_MAX_BINS]; /* mg/kg, rising */
	size_t n;
	double error; /* of a bin decided before the end of counting */
};

struct method {
	char name[64];
	char title[METHOD_TEXT];
	char stage[64];
	struct method_acquisition acquisition;
	struct method_tube tube;
	struct method_geometry geometry;
	struct method_detector detector;
	struct method_matrix matrix;
	struct method_fit fit;
	struct method_model model;
	struct line_data line_data;
	struct method_calibration calibration;
	struct method_accept accept;
	struct method_rules rules;
	struct method_bins bins;
	struct method_element element[METHOD_MAX_ELEMENTS];
	size_t n_elements;
	/*
	 * The second set-up for the same sample, owned: its elements are the
	 * same, in this order. NULL: there is one.
	 */
	struct method *beside;
};

/*
 * Reads a method file and the table of excitation it names (beside it).
 * A file that joins two others is read with both: see method_join.c.
 * Returns 0, -EINVAL with every field of `err` filled, or another -errno
 * with `why` filled.
 */
int method_load(const char *path, struct method **ret,
		struct method_error *err);

/* Told of one fault of a file; @err is borrowed. */
typedef void (*method_fault_fn)(void *userdata, const struct method_error *err);
/*
 * The same, but goes on behind a fault as far as what follows means anything;
 * *ret is set when there was none. Of a file that joins two the first is told.
 */
int method_check(const char *path, method_fault_fn on_fault, void *userdata,
		 struct method **ret);
/* Stages of the value chain that a method may name, "" first, NULL last. */
extern const char *const method_stages[];
struct method *method_free(struct method *m);
CLEANUP_FUNC(struct method, method_free);

/* The line of a method file that sets a key; 0: none does, or no such file. */
int method_line_of(const char *path, const char *key);

struct ini_error;
/* Where and why a file of keys was refused. */
void method_take_ini_error(const struct ini_error *from,
			   struct method_error *to);

/* Index of an element in the method, or -1. */
int method_find(const struct method *m, const char *symbol);

/* Relative sigma of an element's lines on their own, without standards. */
double method_line_u(const struct method *m, size_t element);

#endif
