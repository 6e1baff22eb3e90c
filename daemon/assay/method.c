// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads a method file by one table of keys, and the tables it names. */
#include "assay/method.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "assay/calib_file.h"
#include "assay/ebel.h"
#include "assay/limits.h"
#include "assay/lines.h"
#include "assay/method_candidates.h"
#include "assay/method_elements.h"
#include "assay/method_join.h"
#include "assay/method_layers.h"
#include "assay/rules.h"
#include "assay/symbols.h"
#include "assay/tables.h"
#include "base/ini.h"

/* Keys that are remembered as wrong, so that nothing follows from them. */
#define METHOD_FAULTS 64

/* The file as it is read; what needs other files is resolved after it. */
struct method_draft {
	struct method m;
	char *name;
	char *title;
	int stage;
	char *config;
	char *anode;
	char *table;
	char *response;
	char *candidates;
	char *line_data;
	char *calibration;
	char *calibration_key;
	int keep;
	int scale;
	int tube_model;
	struct method_layers filter, tube_window, window, crystal, path_in,
		path_out;
	struct method_layers dark, dark_light, dark_heavy;
	double bin_error;
};

static const char *const method_keeps[] = { "result", "readings", NULL };
/* The order of is_ebel. */
static const char *const method_tube_models[] = { "table", "ebel", NULL };
static const char *const method_scales[] = { "scatter", "current", "closure",
					     NULL };

/* From the mine to the magnet; the first for none. */
const char *const method_stages[] = { "",	   "ore",   "concentrate",
				      "carbonate", "oxide", "magnet",
				      NULL };

#define D(field) offsetof(struct method_draft, field)
/* clang-format off */
static const struct ini_key method_keys[] = {
	{ "method", "name", INI_STRING, D(name), NULL, 0, 0, NULL, NULL, NULL, NULL },
	{ "method", "title", INI_STRING, D(title), "", 0, 0, NULL, NULL, NULL, NULL },
	{ "method", "stage", INI_ENUM, D(stage), "", 0, 0, NULL, method_stages, NULL, NULL },
	{ "acquisition", "config", INI_STRING, D(config), "", 0, 0, NULL, NULL, NULL, NULL },
	{ "acquisition", "preset_live_s", INI_DOUBLE, D(m.acquisition.preset_live_s), "60", 1, 86400, "s", NULL, NULL, NULL },
	{ "acquisition", "interval_s", INI_DOUBLE, D(m.acquisition.interval_s), "1", 0.1, 3600, "s", NULL, NULL, NULL },
	{ "acquisition", "keep", INI_ENUM, D(keep), "result", 0, 0, NULL, method_keeps, NULL, NULL },
	{ "acquisition", "zero_kev", INI_DOUBLE, D(m.acquisition.zero_kev), "0", -5, 5, "keV", NULL, NULL, NULL },
	{ "acquisition", "kev_per_chan", INI_DOUBLE, D(m.acquisition.kev_per_chan), NULL, 1e-4, 1, "keV", NULL, NULL, NULL },
	{ "tube", "anode", INI_STRING, D(anode), NULL, 0, 0, NULL, NULL, NULL, NULL },
	{ "tube", "kv", INI_DOUBLE, D(m.tube.kv), NULL, 5, 160, "kV", NULL, NULL, NULL },
	{ "tube", "model", INI_ENUM, D(tube_model), "table", 0, 0, NULL, method_tube_models, NULL, NULL },
	{ "tube", "electron_deg", INI_DOUBLE, D(m.tube.electron_deg), "90", EBEL_LEAST_ELECTRON_DEG, 90, "degrees", NULL, NULL, NULL },
	{ "tube", "photon_deg", INI_DOUBLE, D(m.tube.photon_deg), "45", EBEL_LEAST_PHOTON_DEG, 90, "degrees", NULL, NULL, NULL },
	{ "tube", "solid_angle_sr", INI_DOUBLE, D(m.tube.solid_angle_sr), "0.01", 1e-6, 6.3, "sr", NULL, NULL, NULL },
	{ "tube", "window", INI_CUSTOM, D(tube_window), "none", 0, 0, NULL, NULL, method_layers_parse, NULL },
	{ "tube", "table", INI_STRING, D(table), "none", 0, 0, NULL, NULL, NULL, NULL },
	{ "tube", "filter", INI_CUSTOM, D(filter), "none", 0, 0, NULL, NULL, method_layers_parse, NULL },
	{ "geometry", "incidence_deg", INI_DOUBLE, D(m.geometry.incidence_deg), NULL, 5, 90, "degrees", NULL, NULL, NULL },
	{ "geometry", "takeoff_deg", INI_DOUBLE, D(m.geometry.takeoff_deg), NULL, 5, 90, "degrees", NULL, NULL, NULL },
	{ "geometry", "scatter_deg", INI_DOUBLE, D(m.geometry.scatter_deg), NULL, 10, 180, "degrees", NULL, NULL, NULL },
	{ "geometry", "detector_cm2", INI_DOUBLE, D(m.geometry.detector_cm2), NULL, 1e-4, 100, "cm2", NULL, NULL, NULL },
	{ "geometry", "distance_cm", INI_DOUBLE, D(m.geometry.distance_cm), NULL, 0.1, 1000, "cm", NULL, NULL, NULL },
	{ "geometry", "path_in", INI_CUSTOM, D(path_in), "none", 0, 0, NULL, NULL, method_layers_parse, NULL },
	{ "geometry", "path_out", INI_CUSTOM, D(path_out), "none", 0, 0, NULL, NULL, method_layers_parse, NULL },
	{ "detector", "crystal", INI_CUSTOM, D(crystal), NULL, 0, 0, NULL, NULL, method_layers_parse, NULL },
	{ "detector", "windows", INI_CUSTOM, D(window), "none", 0, 0, NULL, NULL, method_layers_parse, NULL },
	{ "detector", "noise_fwhm_kev", INI_DOUBLE, D(m.detector.noise_fwhm_kev), NULL, 0.005, 2, "keV", NULL, NULL, NULL },
	{ "detector", "fano", INI_DOUBLE, D(m.detector.fano), NULL, 0.01, 1, NULL, NULL, NULL, NULL },
	{ "detector", "pair_ev", INI_DOUBLE, D(m.detector.pair_ev), NULL, 1, 10, "eV", NULL, NULL, NULL },
	{ "detector", "response", INI_STRING, D(response), "none", 0, 0, NULL, NULL, NULL, NULL },
	{ "detector", "line_grid_kev", INI_DOUBLE, D(m.detector.line_grid_kev), "0", 0, 0.1, "keV", NULL, NULL, NULL },
	{ "detector", "escape_prior", INI_DOUBLE, D(m.detector.escape_prior), "0.1", 1e-4, 1, NULL, NULL, NULL, NULL },
	{ "detector", "bias_v", INI_DOUBLE, D(m.detector.bias_v), "0", 0, 1e5, "V", NULL, NULL, NULL },
	{ "detector", "electron_mutau", INI_DOUBLE, D(m.detector.electron_mutau), "0", 0, 10, "cm2/V", NULL, NULL, NULL },
	{ "detector", "hole_mutau", INI_DOUBLE, D(m.detector.hole_mutau), "0", 0, 10, "cm2/V", NULL, NULL, NULL },
	{ "detector", "pair_resolution_us", INI_DOUBLE, D(m.detector.pair_resolution_us), "0", 0, 100, "us", NULL, NULL, NULL },
	{ "detector", "pileup_prior", INI_DOUBLE, D(m.detector.pileup_prior), "0.3", 1e-4, 1, NULL, NULL, NULL, NULL },
	{ "matrix", "dark", INI_CUSTOM, D(dark), NULL, 0, 0, NULL, NULL, method_layers_parse, NULL },
	{ "matrix", "dark_light", INI_CUSTOM, D(dark_light), NULL, 0, 0, NULL, NULL, method_layers_parse, NULL },
	{ "matrix", "dark_heavy", INI_CUSTOM, D(dark_heavy), NULL, 0, 0, NULL, NULL, method_layers_parse, NULL },
	{ "matrix", "u_rayleigh", INI_DOUBLE, D(m.matrix.u_rayleigh), "0.04", 1e-4, 1, NULL, NULL, NULL, NULL },
	{ "matrix", "u_compton", INI_DOUBLE, D(m.matrix.u_compton), "0.03", 1e-4, 1, NULL, NULL, NULL, NULL },
	{ "matrix", "u_continuum", INI_DOUBLE, D(m.matrix.u_continuum), "0.015", 1e-4, 1, NULL, NULL, NULL, NULL },
	{ "matrix", "u_current", INI_DOUBLE, D(m.matrix.u_current), "0.003", 1e-5, 1, NULL, NULL, NULL, NULL },
	{ "matrix", "band_low_kev", INI_DOUBLE, D(m.matrix.band_low_kev), NULL, 0.5, 150, "keV", NULL, NULL, NULL },
	{ "matrix", "band_high_kev", INI_DOUBLE, D(m.matrix.band_high_kev), NULL, 0.5, 160, "keV", NULL, NULL, NULL },
	{ "matrix", "scale", INI_ENUM, D(scale), "scatter", 0, 0, NULL, method_scales, NULL, NULL },
	{ "matrix", "balance", INI_DOUBLE, D(m.matrix.balance), "0", 0, 0.9, NULL, NULL, NULL, NULL },
	{ "matrix", "u_balance", INI_DOUBLE, D(m.matrix.u_balance), "0.001", 1e-4, 0.5, NULL, NULL, NULL, NULL },
	{ "matrix", "u_moisture", INI_DOUBLE, D(m.matrix.u_moisture), "0.005", 1e-5, 0.5, NULL, NULL, NULL, NULL },
	{ "matrix", "u_loi", INI_DOUBLE, D(m.matrix.u_loi), "0.005", 1e-5, 0.5, NULL, NULL, NULL, NULL },
	{ "matrix", "areal_g_cm2", INI_DOUBLE, D(m.matrix.areal_g_cm2), NULL, 1e-4, 1000, "g/cm2", NULL, NULL, NULL },
	{ "matrix", "density_g_cm3", INI_DOUBLE, D(m.matrix.density_g_cm3), "2.5", 0.05, 25, "g/cm3", NULL, NULL, NULL },
	{ "fit", "low_kev", INI_DOUBLE, D(m.fit.low_kev), NULL, 0.5, 150, "keV", NULL, NULL, NULL },
	{ "fit", "high_kev", INI_DOUBLE, D(m.fit.high_kev), NULL, 1, 160, "keV", NULL, NULL, NULL },
	{ "fit", "knots_fwhm", INI_DOUBLE, D(m.fit.knots_fwhm), "2.75", 2, 100, NULL, NULL, NULL, NULL },
	{ "fit", "spline_prior", INI_DOUBLE, D(m.fit.spline_prior), "0.05", 1e-4, 10, NULL, NULL, NULL, NULL },
	{ "fit", "subshell_prior", INI_DOUBLE, D(m.fit.subshell_prior), "0.01", 1e-4, 1, NULL, NULL, NULL, NULL },
	{ "fit", "m_lines", INI_BOOL, D(m.fit.m_lines), "no", 0, 0, NULL, NULL, NULL, NULL },
	{ "fit", "m_prior", INI_DOUBLE, D(m.fit.m_prior), "0.1", 1e-4, 1, NULL, NULL, NULL, NULL },
	{ "fit", "line_model", INI_DOUBLE, D(m.fit.line_model), "0", 0, 1, NULL, NULL, NULL, NULL },
	{ "fit", "scatter_model", INI_DOUBLE, D(m.fit.scatter_model), "0.02", 0, 1, NULL, NULL, NULL, NULL },
	{ "fit", "gain_prior", INI_DOUBLE, D(m.fit.gain_prior), "0.003", 1e-6, 0.1, NULL, NULL, NULL, NULL },
	{ "fit", "offset_prior_kev", INI_DOUBLE, D(m.fit.offset_prior_kev), "0.02", 1e-5, 1, "keV", NULL, NULL, NULL },
	{ "fit", "noise_prior_kev", INI_DOUBLE, D(m.fit.noise_prior_kev), "0.02", 1e-5, 1, "keV", NULL, NULL, NULL },
	{ "fit", "tail_prior", INI_DOUBLE, D(m.fit.tail_prior), "0", 0, 1, NULL, NULL, NULL, NULL },
	{ "fit", "fano_prior", INI_DOUBLE, D(m.fit.fano_prior), "0", 0, 1, NULL, NULL, NULL, NULL },
	{ "fit", "candidates", INI_STRING, D(candidates), "", 0, 0, NULL, NULL, NULL, NULL },
	{ "fit", "candidates_error", INI_DOUBLE, D(m.fit.candidates_error), "0.05", 1e-6, 0.5, NULL, NULL, NULL, NULL },
	{ "model", "common", INI_DOUBLE, D(m.model.common), "0.01", 0, 1, NULL, NULL, NULL, NULL },
	{ "model", "element", INI_DOUBLE, D(m.model.element), "0.02", 0, 1, NULL, NULL, NULL, NULL },
	{ "model", "light", INI_DOUBLE, D(m.model.light), "0.05", 0, 1, NULL, NULL, NULL, NULL },
	{ "model", "line_data", INI_STRING, D(line_data), LINE_DATA_BUILT_IN, 0, 0, NULL, NULL, NULL, NULL },
	{ "model", "calibration", INI_STRING, D(calibration), "none", 0, 0, NULL, NULL, NULL, NULL },
	{ "model", "calibration_key", INI_STRING, D(calibration_key), "", 0, 0, NULL, NULL, NULL, NULL },
	{ "model", "preparation", INI_DOUBLE, D(m.model.preparation), "0", 0, 1, NULL, NULL, NULL, NULL },
	{ "accept", "max_chi2", INI_DOUBLE, D(m.accept.max_chi2), "5", 1, 1e6, NULL, NULL, NULL, NULL },
	{ "accept", "max_gain_change", INI_DOUBLE, D(m.accept.max_gain_change), "0.005", 1e-6, 1, NULL, NULL, NULL, NULL },
	{ "accept", "max_offset_kev", INI_DOUBLE, D(m.accept.max_offset_kev), "0.03", 1e-6, 1, "keV", NULL, NULL, NULL },
	{ "accept", "sum_low", INI_DOUBLE, D(m.accept.sum_low), "0.3", 0, 1, NULL, NULL, NULL, NULL },
	{ "accept", "sum_high", INI_DOUBLE, D(m.accept.sum_high), "1.05", 0.5, 2, NULL, NULL, NULL, NULL },
	{ "accept", "min_counts", INI_DOUBLE, D(m.accept.min_counts), "100000", 0, 1e12, NULL, NULL, NULL, NULL },
	{ "accept", "max_rate_cps", INI_DOUBLE, D(m.accept.max_rate_cps), "500000", 1, 1e8, "counts/s", NULL, NULL, NULL },
	{ "accept", "cut_off_treo", INI_DOUBLE, D(m.accept.cut_off_treo), "0", 0, 1e6, "mg/kg", NULL, NULL, NULL },
	{ "accept", "fail_when", INI_CUSTOM, D(m.rules), "", 0, 0, NULL, NULL, rules_parse_fail, NULL },
	{ "accept", "bin_by", INI_CUSTOM, D(m.bins), "", 0, 0, NULL, NULL, rules_parse_bins, NULL },
	{ "accept", "bin_error", INI_DOUBLE, D(bin_error), "0.05", 0.001, 0.5, NULL, NULL, NULL, NULL },
};
/* clang-format on */

/* Keys of [elements] are symbols. */
static int method_other(void *target, const char *section, const char *key,
			const char *value, const char **why)
{
	if (strcmp(section, "elements") != 0)
		return -ENOENT;
	return method_elements_take(&((struct method_draft *)target)->m, key,
				    value, why);
}

static const struct ini_table method_table = {
	.keys = method_keys,
	.n_keys = ARRAY_SIZE(method_keys),
	.other = method_other,
	.other_section = "elements",
};

static void method_copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

/* What is wrong with a file so far: who is told, and of which keys. */
struct method_faults {
	method_fault_fn on_fault;
	void *userdata;
	const char *path;
	size_t n;
	char key[METHOD_FAULTS][64];
};

/* Tells of @err and whether to go on: 0, or -EINVAL. */
static int method_go_on(struct method_error *err)
{
	struct method_faults *all = err->all;

	if (!all)
		return -EINVAL;
	all->on_fault(all->userdata, err);
	method_copy(all->key[all->n % METHOD_FAULTS], sizeof(all->key[0]),
		    err->key);
	all->n++;
	method_copy(err->file, sizeof(err->file), all->path);
	err->line = 0;
	*err->key = '\0';
	return 0;
}

/* Whether the keys before NULL are good, so that their values say something. */
static bool method_is_sound(const struct method_error *err, ...)
{
	const struct method_faults *all = err->all;
	bool is_sound = true;
	const char *key;
	va_list ap;

	va_start(ap, err);
	while ((key = va_arg(ap, const char *)))
		for (size_t i = 0; all && i < all->n && i < METHOD_FAULTS; i++)
			is_sound &= strcmp(all->key[i], key) != 0;
	va_end(ap);
	return is_sound;
}

static bool method_has_faults(const struct method_error *err)
{
	return err->all && err->all->n;
}

static int method_refuse(struct method_error *err, const char *key,
			 const char *why)
{
	err->line = method_line_of(err->file, key);
	method_copy(err->key, sizeof(err->key), key);
	method_copy(err->why, sizeof(err->why), why);
	return method_go_on(err);
}

/* The one layer of a key that takes only one. */
static int method_take_one(const struct method_layers *from, const char *key,
			   struct method_layer *to, struct method_error *err)
{
	if (from->n > 1)
		return method_refuse(err, key, "only one layer is allowed");
	*to = from->n ? from->layer[0] : (struct method_layer){ 0 };
	return 0;
}

static int method_refuse_number(struct method_error *err, const char *key,
				const char *what, double value, double low,
				double high, const char *unit)
{
	char why[320];

	snprintf(why, sizeof(why), "%s%.4g %s, must be from %.4g to %.4g %s",
		 what, value, unit, low, high, unit);
	return method_refuse(err, key, why);
}

/*
 * The way in rises from the surface at one angle and the way out at another;
 * the azimuth between them is free. So is the scattering angle, within the
 * sum of both and what their difference leaves of 180 degrees.
 */
static int method_check_geometry(const struct method *m,
				 struct method_error *err)
{
	const struct method_geometry *g = &m->geometry;
	double low = g->incidence_deg + g->takeoff_deg;
	double high = 180 - fabs(g->incidence_deg - g->takeoff_deg);

	/* Set-ups are stated in whole degrees. */
	if (method_is_sound(err, "incidence_deg", "takeoff_deg", "scatter_deg",
			    NULL) &&
	    (g->scatter_deg < low - 0.5 || g->scatter_deg > high + 0.5))
		return method_refuse_number(
			err, "scatter_deg",
			"with this incidence_deg and takeoff_deg: ",
			g->scatter_deg, low, high, "degrees");
	return 0;
}

/*
 * The shell that is quantified must be excited and some of its lines lie in
 * the range: they are between alpha and the edge.
 */
static int method_check_line(const struct method *m,
			     const struct method_element *e,
			     struct method_error *err)
{
	double edge, kev = lines_alpha_kev(&m->line_data, e->z, e->line, &edge);
	char what[64];

	if (!(kev > 0))
		return method_refuse(err, e->symbol,
				     "has no such line: K or L");
	snprintf(what, sizeof(what), "%s-alpha lies at ", e->line);
	if (method_is_sound(err, "low_kev", "high_kev", NULL) &&
	    (edge < m->fit.low_kev || kev > m->fit.high_kev))
		return method_refuse_number(err, e->symbol, what, kev,
					    m->fit.low_kev, m->fit.high_kev,
					    "keV");
	snprintf(what, sizeof(what), "the edge of %s-alpha lies at ", e->line);
	if (method_is_sound(err, "kv", NULL) && edge >= m->tube.kv)
		return method_refuse_number(err, e->symbol, what, edge, 0,
					    m->tube.kv, "keV");
	return 0;
}

static int method_check_lines(const struct method *m, struct method_error *err)
{
	for (size_t i = 0; i < m->n_elements; i++)
		if (method_check_line(m, &m->element[i], err) < 0)
			return -EINVAL;
	return 0;
}

/* What a rule is about must be fitted, and be in the sample. */
static int method_check_quantity(const struct method *m, const char *key,
				 const char *quantity, struct method_error *err)
{
	char members[RULES_MEMBERS][3], why[sizeof(err->why)];
	const char *missing = NULL;
	bool is_oxides;
	size_t len;
	size_t n = rules_members(quantity, members, &is_oxides), n_found = 0;
	const bool is_sum = limits_members(quantity) != NULL;

	for (size_t i = 0; i < n; i++) {
		int k = method_find(m, members[i]);

		if (k >= 0 && !m->element[k].is_air)
			n_found++;
		else
			missing = missing ? missing : members[i];
	}
	/* Of a sum by name some may be missing, as in the results. */
	if (n_found == n || (is_sum && n_found))
		return 0;
	len = (size_t)snprintf(why, sizeof(why),
			       "%s%s%s is not among the elements; there are",
			       n > 1 ? quantity : "", n > 1 ? ": " : "",
			       is_sum ? "none of it" : missing);
	for (size_t i = 0; i < m->n_elements && len < sizeof(why); i++)
		if (!m->element[i].is_air)
			len += (size_t)snprintf(why + len, sizeof(why) - len,
						" %s", m->element[i].symbol);
	return method_refuse(err, key, why);
}

static int method_check_rules(const struct method *m, struct method_error *err)
{
	/* An element that is wrong is none that is missing. */
	if (method_has_faults(err))
		return 0;
	for (size_t i = 0; i < m->rules.n; i++)
		if (method_check_quantity(m, "fail_when",
					  m->rules.rule[i].quantity, err) < 0)
			return -EINVAL;
	return m->bins.n ? method_check_quantity(m, "bin_by", m->bins.quantity,
						 err)
			 : 0;
}

static int method_check_layers(const struct method_draft *d,
			       struct method_error *err)
{
	if (method_is_sound(err, "crystal", NULL) &&
	    (d->crystal.n != 1 || !(d->crystal.layer[0].areal_g_cm2 > 0)) &&
	    method_refuse(err, "crystal",
			  "one layer with density and thickness is needed") < 0)
		return -EINVAL;
	if (method_is_sound(err, "tail_prior", "response", NULL) &&
	    d->m.fit.tail_prior > 0 &&
	    (!d->response || !strcmp(d->response, "none")) &&
	    method_refuse(err, "tail_prior",
			  "needs a response, whose tails it is about") < 0)
		return -EINVAL;
	if (method_is_sound(err, "dark", "dark_light", "dark_heavy", NULL) &&
	    (d->dark.n != 1 || d->dark_light.n != 1 || d->dark_heavy.n != 1))
		return method_refuse(
			err, "dark",
			"dark, dark_light and dark_heavy need one layer each");
	return 0;
}

/* Trapping needs all that it hangs on; without it there is nothing of it. */
static bool method_is_collection(const struct method_detector *d)
{
	bool has = d->bias_v > 0;

	return has == (d->electron_mutau > 0) && has == (d->hole_mutau > 0);
}

static int method_check_ranges(const struct method *m, struct method_error *err)
{
	if (method_is_sound(err, "low_kev", "high_kev", NULL) &&
	    m->fit.high_kev < m->fit.low_kev + 1 &&
	    method_refuse(err, "high_kev",
			  "must be at least 1 keV above low_kev") < 0)
		return -EINVAL;
	if (method_is_sound(err, "balance", "scale", NULL) &&
	    m->matrix.balance > 0 && m->matrix.scale != METHOD_SCALE_CLOSURE &&
	    method_refuse(err, "balance", "is for scale = closure only") < 0)
		return -EINVAL;
	if (method_is_sound(err, "bias_v", "electron_mutau", "hole_mutau",
			    NULL) &&
	    !method_is_collection(&m->detector) &&
	    method_refuse(
		    err, "bias_v",
		    "with electron_mutau and hole_mutau: all three above 0, or none") <
		    0)
		return -EINVAL;
	if (method_is_sound(err, "sum_low", "sum_high", NULL) &&
	    m->accept.sum_low >= m->accept.sum_high)
		return method_refuse(err, "sum_low", "must be below sum_high");
	return 0;
}

/*
 * A table or the formula, and a window beside the formula only: that of a
 * table is in it. What a photon passes is one list of layers.
 */
static int method_check_tube(struct method_draft *d, struct method_error *err)
{
	struct method_tube *t = &d->m.tube;
	bool has_table = d->table && strcmp(d->table, "none") != 0;
	size_t n = d->tube_window.n, n_filters = d->filter.n;

	t->is_ebel = d->tube_model;
	if (method_is_sound(err, "model", "table", NULL) &&
	    has_table == t->is_ebel &&
	    method_refuse(err, "table",
			  "model = table needs one, model = ebel takes none") <
		    0)
		return -EINVAL;
	if (!t->is_ebel && n &&
	    method_refuse(err, "window", "is for model = ebel only") < 0)
		return -EINVAL;
	if (n + n_filters > METHOD_MAX_LAYERS)
		return method_refuse(err, "filter",
				     "with the window more than 8 layers");
	memcpy(t->filter, d->tube_window.layer, n * sizeof(*t->filter));
	memcpy(t->filter + n, d->filter.layer, n_filters * sizeof(*t->filter));
	t->n_filters = n + n_filters;
	return 0;
}

/* What a table of keys cannot say. */
static int method_finish(struct method_draft *d, struct method_error *err)
{
	struct method *m = &d->m;
	const char *anode = d->anode ? d->anode : "";
	char why[320];

	method_copy(m->name, sizeof(m->name), d->name);
	method_copy(m->title, sizeof(m->title), d->title);
	method_copy(m->stage, sizeof(m->stage), method_stages[d->stage]);
	method_copy(m->acquisition.config, sizeof(m->acquisition.config),
		    d->config);
	method_copy(m->calibration.key, sizeof(m->calibration.key),
		    d->calibration_key);
	for (size_t i = 0; i < METHOD_MAX_ELEMENTS; i++)
		m->calibration.k[i] = 1;
	/* In the file a 0 stands for what is not wanted. */
	if (m->accept.cut_off_treo == 0)
		m->accept.cut_off_treo = NAN;
	m->acquisition.keep = (enum method_keep)d->keep;
	m->matrix.scale = (enum method_scale)d->scale;
	method_copy(m->tube.anode, sizeof(m->tube.anode), anode);
	snprintf(why, sizeof(why), "\"%s\": want a symbol, such as Ag or Rh",
		 anode);
	if (method_is_sound(err, "anode", NULL) &&
	    !symbol_to_z(anode, strlen(anode)) &&
	    method_refuse(err, "anode", why) < 0)
		return -EINVAL;
	m->detector.crystal = d->crystal.layer[0];
	if (method_check_tube(d, err) < 0)
		return -EINVAL;
	memcpy(m->detector.layer, d->window.layer, sizeof(m->detector.layer));
	m->detector.n_layers = d->window.n;
	m->matrix.dark = d->dark.layer[0];
	m->matrix.dark_light = d->dark_light.layer[0];
	m->matrix.dark_heavy = d->dark_heavy.layer[0];
	m->bins.error = d->bin_error;
	if (method_check_layers(d, err) < 0 || method_check_ranges(m, err) < 0)
		return -EINVAL;
	if (!m->n_elements &&
	    method_refuse(err, "elements", "no element is listed") < 0)
		return -EINVAL;
	/* Which of them there are hangs on range, tube, list and rules. */
	if (!method_has_faults(err) &&
	    method_candidates_take(m, d->candidates, why, sizeof(why)) < 0 &&
	    method_refuse(err, "candidates", why) < 0)
		return -EINVAL;
	if (method_check_geometry(m, err) < 0 ||
	    method_check_lines(m, err) < 0 || method_check_rules(m, err) < 0)
		return -EINVAL;
	if (method_take_one(&d->path_in, "path_in", &m->geometry.path_in, err) <
	    0)
		return -EINVAL;
	return method_take_one(&d->path_out, "path_out", &m->geometry.path_out,
			       err);
}

void method_take_ini_error(const struct ini_error *from,
			   struct method_error *to)
{
	method_copy(to->file, sizeof(to->file), from->file);
	to->line = from->line;
	method_copy(to->key, sizeof(to->key),
		    *from->key ? from->key : from->section);
	method_copy(to->why, sizeof(to->why), from->why);
}

static void method_on_ini_fault(void *userdata, const struct ini_error *ini)
{
	struct method_error *err = userdata;

	method_take_ini_error(ini, err);
	method_go_on(err);
}

static int method_load_keys(const char *path, struct method_draft *d,
			    struct method_error *err)
{
	struct ini_table table = method_table;
	struct ini_error ini = { 0 };
	int r;

	if (err->all) {
		table.on_fault = method_on_ini_fault;
		table.userdata = err;
	}
	r = ini_load(path, &table, d, &ini);
	/* Its faults are told, and what could be read is looked at. */
	if (r >= 0 || (r == -EBADMSG && err->all))
		return 0;
	method_take_ini_error(&ini, err);
	return r == -EBADMSG ? -EINVAL : r;
}

/* A table that is named, when its name could be read. */
static bool method_names(const struct method_error *err, const char *key,
			 const char *file)
{
	return method_is_sound(err, key, NULL) && file && strcmp(file, "none");
}

/* Before the lines are looked at, which the table may move. */
static int method_load_line_data(const char *path, struct method_draft *d,
				 struct method_error *err)
{
	int r;

	if (!method_names(err, "line_data", d->line_data))
		return 0;
	r = tables_load_line_data(path, d->line_data, &d->m.line_data, err);
	return r < 0 && err->all ? method_go_on(err) : r;
}

/* Their faults, too, are told one by one. */
static int method_load_tables(const char *path, struct method_draft *d,
			      struct method_error *err)
{
	int r = 0;

	if (d->m.tube.is_ebel && !method_has_faults(err))
		ebel_fill(&d->m.line_data, &d->m.tube);
	if (method_names(err, "table", d->table))
		r = tables_load_tube(path, d->table, &d->m.tube, err);
	if (r < 0 && (r = err->all ? method_go_on(err) : r) < 0)
		return r;
	if (method_names(err, "response", d->response))
		r = tables_load_response(path, d->response, &d->m.detector,
					 err);
	if (r < 0 && (r = err->all ? method_go_on(err) : r) < 0)
		return r;
	/* What it is for has to be known. */
	if (method_names(err, "calibration", d->calibration) &&
	    !method_has_faults(err))
		r = calib_file_load(path, d->calibration, &d->m, err);
	return r < 0 && err->all ? method_go_on(err) : r;
}

static int method_load_draft(const char *path, struct method_draft *d,
			     struct method **ret, struct method_error *err)
{
	struct method *m;
	int r;

	r = method_load_keys(path, d, err);
	if (r >= 0)
		r = method_load_line_data(path, d, err);
	if (r >= 0)
		r = method_finish(d, err);
	if (r >= 0)
		r = method_load_tables(path, d, err);
	if (r < 0 || method_has_faults(err))
		return r < 0 ? r : -EINVAL;
	m = malloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	*m = d->m;
	*ret = m;
	return 0;
}

static int method_load_all(const char *path, struct method_faults *all,
			   struct method **ret, struct method_error *err)
{
	CLEANUP(freep) struct method_draft *d = calloc(1, sizeof(*d));
	int r;

	*err = (struct method_error){ .all = all };
	method_copy(err->file, sizeof(err->file), path);
	method_copy(err->why, sizeof(err->why), "out of memory");
	if (!d)
		return -ENOMEM;
	if (method_line_of(path, "join")) {
		err->all = NULL;
		return method_join(path, ret, err);
	}
	r = method_load_draft(path, d, ret, err);
	if (r < 0)
		free(d->m.calibration.text);
	ini_release(&method_table, d);
	return r;
}

int method_load(const char *path, struct method **ret, struct method_error *err)
{
	return method_load_all(path, NULL, ret, err);
}

int method_check(const char *path, method_fault_fn on_fault, void *userdata,
		 struct method **ret)
{
	struct method_faults all = { .on_fault = on_fault,
				     .userdata = userdata,
				     .path = path };
	struct method_error err;
	int r;

	r = method_load_all(path, &all, ret, &err);
	/* Of what ends it at once nobody has been told. */
	if (r < 0 && !all.n)
		on_fault(userdata, &err);
	return r;
}

struct method *method_free(struct method *m)
{
	if (!m)
		return NULL;
	free(m->calibration.text);
	method_free(m->beside);
	free(m);
	return NULL;
}

int method_find(const struct method *m, const char *symbol)
{
	for (size_t i = 0; i < m->n_elements; i++) {
		if (!strcmp(m->element[i].symbol, symbol))
			return (int)i;
	}
	return -1;
}

double method_line_u(const struct method *m, size_t element)
{
	return m->element[element].z < METHOD_HEAVY_Z ? m->model.light
						      : m->model.element;
}
