// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reespec live: the running assay of a spectrometer on the whole terminal.
 * It watches and changes nothing. The fit is made here, by the same engine on
 * a thread of its own, so that looking costs the daemon nothing but the counts.
 */
#include "reespec/command.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/assay.h"
#include "assay/method_files.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "reespec/client.h"
#include "reespec/instruments.h"
#include "reespec/known.h"
#include "reespec/measurement.h"
#include "reespec/print.h"
#include "reespec/records.h"
#include "reespec/result.h"
#include "reespec/result_parts.h"
#include "reespec/screen.h"

/* How often the daemon is asked, and how long a key is waited for. */
#define POLL_NS 500000000ULL
#define KEY_MS 50

/* The fit of the latest counts, on a thread. */
struct fitter {
	pthread_t thread;
	bool is_running;
	atomic_bool is_done;
	char name[65]; /* of the method that is loaded */
	struct method *method;
	struct assay_engine *engine;
	struct spectrum *spectrum;
	struct assay_result *result;
	bool is_hopeless; /* no such method here, or no engine for it */
	char why[160]; /* there is no fit; "": there is */
};

struct live {
	const struct args *args;
	struct client *client;
	char spectrometer[256];
	struct view view;
	struct view_data data;
	struct view_grid grid;
	struct fitter fitter;
	size_t n_model; /* channels of model and model_counts */
	uint64_t result; /* record whose contents are shown; 0: an estimate */
	char verdict[160]; /* its fault, in words */
	char no_fit[160]; /* why, of the last one that was tried */
	char health[200]; /* of the daemon; "": it is well */
	uint64_t asked_ns;
};

static volatile sig_atomic_t is_ended;

static void on_end(int signal)
{
	(void)signal;
	is_ended = 1;
}

/* ---- fit ------------------------------------------------------------------ */

static void *fit(void *arg)
{
	struct fitter *f = arg;
	int r = 0;

	if (!f->engine)
		r = assay_engine_new(f->method, &f->engine);
	if (r >= 0)
		r = assay_engine_run(f->engine, f->spectrum, &f->result);
	if (r < 0)
		f->result = NULL;
	snprintf(f->why, sizeof(f->why), "%s",
		 r >= 0			     ? ""
		 : r == -EINVAL && f->engine ? assay_engine_why(f->engine)
					     : assay_engine_error(r));
	atomic_store(&f->is_done, true);
	return NULL;
}

static void fitter_forget(struct fitter *f)
{
	f->engine = assay_engine_free(f->engine);
	f->method = method_free(f->method);
	f->name[0] = 0;
	f->is_hopeless = false;
	f->why[0] = 0;
}

static bool fitter_load(struct fitter *f, const char *name)
{
	const char *const *folders = measurement_method_folders();
	char path[4096], why[1024];

	if (strcmp(f->name, name) != 0) {
		fitter_forget(f);
		snprintf(f->name, sizeof(f->name), "%s", name);
		f->is_hopeless =
			method_files_find(folders, name, path, sizeof(path)) ||
			measurement_load_method(path, &f->method, why,
						sizeof(why));
		if (f->is_hopeless)
			snprintf(f->why, sizeof(f->why),
				 "method %s is not on this machine", name);
	}
	return !f->is_hopeless;
}

/* Starts a fit of the counts that are shown, unless one runs. */
static void fitter_start(struct live *l)
{
	struct fitter *f = &l->fitter;
	const struct view_data *d = &l->data;
	uint32_t *counts;

	if (f->is_running || !d->n_chan || !*d->method)
		return;
	if (!fitter_load(f, d->method)) {
		snprintf(l->no_fit, sizeof(l->no_fit), "%s", f->why);
		return;
	}
	counts = calloc(d->n_chan, sizeof(*counts));
	if (!counts)
		return;
	for (size_t i = 0; i < d->n_chan; i++)
		counts[i] = (uint32_t)d->counts[i];
	if (spectrum_new(counts, d->n_chan, &f->spectrum) >= 0) {
		struct spectrum *s = f->spectrum;
		double last = (double)d->n_chan - 1;

		s->live_s = d->live_s;
		s->real_s = d->real_s;
		s->cal[0] = (struct spectrum_cal){ 0, d->zero_kev };
		s->cal[1] = (struct spectrum_cal){
			last, d->zero_kev + last * d->kev_per_chan
		};
		s->n_cal = 2;
		atomic_store(&f->is_done, false);
		f->is_running = !pthread_create(&f->thread, NULL, fit, f);
	}
	free(counts);
	if (!f->is_running)
		f->spectrum = spectrum_free(f->spectrum);
}

/* Takes a fit that has ended. */
static void fitter_collect(struct live *l)
{
	struct fitter *f = &l->fitter;
	struct view_data *d = &l->data;

	if (!f->is_running || !atomic_load(&f->is_done))
		return;
	pthread_join(f->thread, NULL);
	f->is_running = false;
	/* Such a library is looked for once in a program. */
	f->is_hopeless = !f->engine;
	snprintf(l->no_fit, sizeof(l->no_fit), "%s", f->why);
	if (f->result && f->result->n_chan == d->n_chan) {
		double *model =
			reallocarray(d->model, d->n_chan, sizeof(*model));
		double *counts;

		if (model)
			d->model = model;
		counts = reallocarray(d->model_counts, d->n_chan,
				      sizeof(*counts));
		if (counts)
			d->model_counts = counts;
		if (model && counts) {
			l->n_model = d->n_chan;
			for (size_t i = 0; i < d->n_chan; i++) {
				bool is_in = i >= f->result->first_chan &&
					     i <= f->result->last_chan;

				model[i] = is_in ? f->result->model[i] : NAN;
				counts[i] = f->spectrum->counts[i];
			}
			d->chi2 = f->result->chi2;
		}
	}
	f->result = assay_result_free(f->result);
	f->spectrum = spectrum_free(f->spectrum);
}

static void fitter_end(struct live *l)
{
	if (l->fitter.is_running) {
		pthread_join(l->fitter.thread, NULL);
		l->fitter.result = assay_result_free(l->fitter.result);
		l->fitter.spectrum = spectrum_free(l->fitter.spectrum);
	}
	fitter_forget(&l->fitter);
}

/* ---- what the daemon tells ------------------------------------------------ */

static void forget_model(struct live *l)
{
	free(l->data.model);
	free(l->data.model_counts);
	l->data.model = NULL;
	l->data.model_counts = NULL;
	l->n_model = 0;
}

static void take_counts(struct live *l, json_t *reply)
{
	struct view_data *d = &l->data;
	json_t *counts = js_at(reply, 0);
	json_t *about = js_at(reply, 1);
	size_t n = js_len(counts);
	double *more = reallocarray(d->counts, n ? n : 1, sizeof(*more));

	if (!more)
		return;
	d->counts = more;
	d->n_chan = n;
	for (size_t i = 0; i < n; i++) {
		int64_t count = 0;

		js_int_value(js_at(counts, i), &count);
		more[i] = (double)count;
	}
	d->zero_kev = js_number(about, "zero_kev");
	d->kev_per_chan = js_number(about, "kev_per_chan");
	d->live_s = js_number(about, "live_s");
	d->real_s = js_number(about, "real_s");
	if (!(d->kev_per_chan > 0))
		d->n_chan = 0;
	if (l->n_model != d->n_chan)
		forget_model(l);
}

/* @body: a result, or an estimate in its form. */
static void take_elements(struct view_data *d, json_t *body)
{
	json_t *elements = js_get(result_contents(body), "elements");

	d->n_contents = 0;
	/* The rare earths first, then what else is there. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0;
		     i < js_len(elements) && d->n_contents < VIEW_ROWS_MAX;
		     i++) {
			json_t *e = js_at(elements, i);
			struct view_content *c = &d->content[d->n_contents];
			struct content_cells cells;

			js_copy_text(e, "symbol", c->symbol, sizeof(c->symbol));
			if (known_is_rare_earth(c->symbol) != !pass)
				continue;
			print_content(&cells, js_number(e, "content_mg_kg"),
				      js_number(e, "u_mg_kg"),
				      js_number(e, "lc_mg_kg"),
				      js_number(e, "ld_mg_kg"));
			c->is_censored = cells.is_censored;
			if (pass && c->is_censored)
				continue;
			snprintf(c->text, sizeof(c->text), "%.9s%s%.6s %s",
				 cells.value.text,
				 cells.is_censored ? "" : PRINT_PM(""),
				 cells.is_censored ? "" : cells.u.text,
				 cells.unit_mg_kg > 1 ? "%" : "ppm");
			d->n_contents++;
		}
	}
}

/* Of one that has ended its result, which stays as it is. */
static bool take_result(struct live *l, json_t *assay)
{
	CLEANUP(record_deinit) struct record record = { 0 };
	const char *fault, *why;
	uint64_t seq = 0;

	js_get_u64(assay, "Result", &seq);
	if (l->result && l->result == seq)
		return true;
	l->result = 0;
	l->verdict[0] = '\0';
	if (!seq || records_get(l->client, l->args, seq, &record, NULL) ||
	    !result_contents(record.json))
		return false;
	take_elements(&l->data, record.json);
	fault = result_fault(record.json, &why);
	if (fault && *fault)
		snprintf(l->verdict, sizeof(l->verdict), "%s: %s", fault, why);
	l->result = seq;
	return true;
}

static void take_contents(struct live *l, json_t *assay)
{
	CLEANUP(js_freep) json_t *estimate = NULL;
	const char *text = "";

	if (take_result(l, assay))
		return;
	js_get_str(assay, "Estimate", &text);
	if (*text)
		js_parse(text, strlen(text), &estimate, NULL);
	take_elements(&l->data, estimate);
}

static void take_progress(struct view_data *d, json_t *progress)
{
	d->preset_s = js_number(progress, "preset_live_s");
	d->dead = js_number(progress, "dead");
	d->fast_cps = js_number(progress, "fast_cps");
	d->slow_cps = js_number(progress, "slow_cps");
	d->detector_k = js_number(progress, "detector_k");
}

/* The running assay of the spectrometer, or the last one. */
static json_t *find_assay(struct live *l, json_t *list)
{
	json_t *found = NULL;

	for (size_t i = 0; i < js_len(list); i++) {
		json_t *assay = js_at(list, i);

		if (strcmp(js_text(assay, "Spectrometer"), l->spectrometer))
			continue;
		found = assay;
		/* Those that wait are objects, too. */
		if (strcmp(js_text(assay, "State"), "queued"))
			break;
	}
	return found;
}

static int ask_spectrum(struct live *l, json_t *assay)
{
	CLEANUP(js_freep) json_t *reply = NULL;
	const char *path = "";
	int r;

	js_get_str(assay, "path", &path);
	r = client_call(l->client,
			&(struct client_call){ .path = path,
					       .interface = CLIENT_ASSAY,
					       .member = "Spectrum" },
			&reply, NULL);
	if (!r)
		take_counts(l, reply);
	return r;
}

/* Known when the daemon has tried: why it makes neither estimates nor contents. */
static int ask_health(struct live *l)
{
	CLEANUP(js_freep) json_t *manager = NULL;
	int r = client_properties(l->client, CLIENT_ROOT, CLIENT_MANAGER,
				  &manager);

	js_copy_text(manager, "Health", l->health, sizeof(l->health));
	if (!strcmp(l->health, "ok"))
		l->health[0] = 0;
	return r;
}

static int ask(struct live *l)
{
	CLEANUP(js_freep) json_t *spectrometer = NULL;
	CLEANUP(js_freep) json_t *assays = NULL;
	struct view_data *d = &l->data;
	json_t *assay;
	int r;

	r = client_properties(l->client, l->spectrometer, CLIENT_SPECTROMETER,
			      &spectrometer);
	if (!r)
		r = instruments_list(l->client, CLIENT_ASSAY, &assays);
	if (!r)
		r = ask_health(l);
	if (r)
		return r;
	js_copy_text(spectrometer, "Serial", d->serial, sizeof(d->serial));
	js_copy_text(spectrometer, "State", d->state, sizeof(d->state));
	js_copy_text(spectrometer, "Fault", d->message, sizeof(d->message));
	d->is_dark = instruments_is_dark(
		js_number(js_get(spectrometer, "Status"), "hv_v"));
	assay = find_assay(l, assays);
	if (!assay)
		return REESPEC_OK;
	js_copy_text(assay, "Sample", d->sample, sizeof(d->sample));
	js_copy_text(assay, "Method", d->method, sizeof(d->method));
	d->is_over = instruments_is_over(assay);
	snprintf(d->state, sizeof(d->state), "%s%.20s",
		 d->is_over ? "has ended: " : "", js_text(assay, "State"));
	if (!*d->message)
		js_copy_text(assay, "Error", d->message, sizeof(d->message));
	take_progress(d, js_get(assay, "Progress"));
	take_contents(l, assay);
	if (!*d->message && d->is_over)
		snprintf(d->message, sizeof(d->message), "%s", l->verdict);
	return ask_spectrum(l, assay);
}

/* What keeps from looking goes before what was looked for in vain. */
static void explain(struct live *l)
{
	struct view_data *d = &l->data;

	if (*d->message)
		return;
	if (l->view.has_fit && l->no_fit[0])
		snprintf(d->message, sizeof(d->message), "no fit: %s",
			 l->no_fit);
	else
		snprintf(d->message, sizeof(d->message), "%s", l->health);
}

/* ---- the terminal --------------------------------------------------------- */

static void draw(struct live *l)
{
	int rows, columns;

	screen_size(&rows, &columns);
	if (view_grid_resize(&l->grid, rows, columns) < 0)
		return;
	view_draw(&l->view, &l->data, &l->grid);
	screen_show(&l->grid);
}

static void watch(struct live *l)
{
	bool is_on = true;

	while (is_on && !is_ended) {
		int key, rows, columns;

		if (clock_monotonic_ns() >= l->asked_ns + POLL_NS) {
			/* A daemon that went away comes back. */
			if (ask(l))
				snprintf(l->data.message,
					 sizeof(l->data.message), "%.190s",
					 client_last_error(l->client));
			l->asked_ns = clock_monotonic_ns();
			if (l->view.has_fit)
				fitter_start(l);
			explain(l);
		}
		fitter_collect(l);
		draw(l);
		key = screen_key(KEY_MS);
		screen_size(&rows, &columns);
		if (key >= 0)
			is_on = view_key(&l->view, &l->data, key, columns);
	}
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	struct live l = { .args = args };
	struct view_data *d = &l.data;
	int r;

	d->live_s = d->dead = d->fast_cps = d->slow_cps = d->detector_k = NAN;
	d->preset_s = d->chi2 = NAN;
	r = client_open(&c, args);
	if (r)
		return r;
	r = instruments_choose(c, args,
			       args->n_operands ? args->operands[0] : NULL,
			       l.spectrometer, sizeof(l.spectrometer));
	if (r)
		return r;
	l.client = c;
	l.view.is_ascii = !print_has_utf8();
	l.view.is_log = true;
	r = screen_open(args);
	if (r)
		return r;
	signal(SIGTERM, on_end);
	signal(SIGHUP, on_end);
	signal(SIGINT, on_end);
	client_be_quiet(c, true);
	watch(&l);
	screen_close();
	fitter_end(&l);
	forget_model(&l);
	free(d->counts);
	view_grid_deinit(&l.grid);
	return REESPEC_OK;
}

const struct command command_live = {
	.name = "live",
	.operands = "[SERIAL]",
	.summary = "watch spectrum and contents while they grow",
	.text = "Shows the running assay of the spectrometer on the whole terminal, or the\n"
		"last one: spectrum, counters and contents. It only watches.\n\n"
		"Keys: left and right move a cursor, up and down (+ and -) zoom about it,\n"
		"< and > pan, a shows all, l logarithmic or linear, f the fit and its\n"
		"residual, m and a symbol show or hide an element's lines, c clears them,\n"
		"e shows the elements that had no room, Escape removes the cursor, q leaves.",
	.n_max = 1,
	.run = run,
};
