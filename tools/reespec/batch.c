// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The files are read one after the other, then a thread for each processor
 * takes the next spectrum that is left. Engines share nothing, so the numbers
 * are those of one file alone.
 */
#include "reespec/batch.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "reespec/measurement.h"
#include "reespec/print.h"
#include "reespec/progress.h"

#define THREADS_MAX 64

/* What the threads share; @lock holds all of it. */
struct work {
	const struct method *method;
	struct batch *batch;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t next;
	size_t n_done;
	size_t n_total; /* items with a spectrum */
};

/* The next item to assay, or NULL. */
static struct batch_item *take(struct work *w)
{
	struct batch_item *item = NULL;

	pthread_mutex_lock(&w->lock);
	while (!item && w->next < w->batch->n_items) {
		item = &w->batch->item[w->next++];
		if (!item->spectrum)
			item = NULL;
	}
	pthread_mutex_unlock(&w->lock);
	return item;
}

static void assay(struct assay_engine *engine, struct batch_item *item)
{
	int r = assay_engine_run(engine, item->spectrum, &item->result);

	if (r >= 0)
		return;
	item->result = NULL;
	snprintf(item->why, sizeof(item->why), "%s",
		 r == -EINVAL ? assay_engine_why(engine)
			      : assay_engine_error(r));
}

static void *work(void *arg)
{
	struct work *w = arg;
	struct assay_engine *engine = NULL;
	struct batch_item *item;
	int r = assay_engine_new(w->method, &engine);

	while ((item = take(w))) {
		if (r < 0)
			snprintf(item->why, sizeof(item->why), "%s",
				 assay_engine_error(r));
		else
			assay(engine, item);
		pthread_mutex_lock(&w->lock);
		w->n_done++;
		pthread_cond_signal(&w->changed);
		pthread_mutex_unlock(&w->lock);
	}
	assay_engine_free(engine);
	return NULL;
}

static void wait_for_all(struct work *w)
{
	const uint64_t since_ns = clock_monotonic_ns();
	size_t n_done = 0;

	while (n_done < w->n_total) {
		progress_many("files", n_done, w->n_total, since_ns);
		pthread_mutex_lock(&w->lock);
		while (w->n_done == n_done)
			pthread_cond_wait(&w->changed, &w->lock);
		n_done = w->n_done;
		pthread_mutex_unlock(&w->lock);
	}
	print_transient_end();
}

static int run_threads(const struct args *args, struct work *w)
{
	long n_processors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread[THREADS_MAX];
	size_t n = 0;
	size_t n_wanted = n_processors > 0 ? (size_t)n_processors : 1;

	if (n_wanted > w->n_total)
		n_wanted = w->n_total;
	if (n_wanted > THREADS_MAX)
		n_wanted = THREADS_MAX;
	while (n < n_wanted && !pthread_create(&thread[n], NULL, work, w))
		n++;
	if (n == 0 && n_wanted)
		return fail(args, REESPEC_FAILED, "no thread can be started");
	wait_for_all(w);
	while (n)
		pthread_join(thread[--n], NULL);
	return REESPEC_OK;
}

int batch_run(const struct args *args, const struct method *m,
	      char *const *paths, size_t n, struct batch *ret)
{
	struct work w = { .method = m,
			  .batch = ret,
			  .lock = PTHREAD_MUTEX_INITIALIZER,
			  .changed = PTHREAD_COND_INITIALIZER };
	int r;

	ret->n_items = n;
	ret->item = calloc(n, sizeof(*ret->item));
	if (!ret->item)
		return fail(args, REESPEC_FAILED, "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct batch_item *item = &ret->item[i];

		item->path = paths[i];
		if (measurement_load(args, paths[i], &item->spectrum))
			item->spectrum = NULL;
		w.n_total += item->spectrum != NULL;
	}
	r = run_threads(args, &w);
	for (size_t i = 0; i < n && !r; i++)
		if (ret->item[i].spectrum && !ret->item[i].result)
			fail(args, REESPEC_FAILED, "%s: %s", ret->item[i].path,
			     ret->item[i].why);
	return r;
}

void batch_deinit(struct batch *b)
{
	for (size_t i = 0; b->item && i < b->n_items; i++) {
		assay_result_free(b->item[i].result);
		spectrum_free(b->item[i].spectrum);
	}
	free(b->item);
	*b = (struct batch){ 0 };
}
