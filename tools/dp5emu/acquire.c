// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counts events in accumulation time, up to presets.
 *
 * Time is cut into slices of 50 ms of accumulation time, counted from the
 * clear. Each slice's events are drawn at its start by a generator seeded with
 * seed and run number; looking in mid-slice takes a random part of them by a
 * second generator, the rest follows at the slice's end. So a run of a given
 * accumulation time holds the same counts however often it was looked at.
 *
 * The accumulation timer stops while a spectrum is copied, while the gate
 * blocks and, as a part of real time, during detector resets.
 */
#include "dp5emu/acquire.h"

#include <math.h>
#include <string.h>

#define SLICE_US 50e3

/* Comparisons of sums of steps: below the instrument's own digits. */
#define TINY_US 1e-3

static void draw_slice(struct acquire *a, double end_us)
{
	double slice_s = (end_us - a->acc_us) * 1e-6;

	a->slice_end_us = end_us;
	memset(a->pending, 0, sizeof(a->pending));
	a->pending_fast = 0;
	if (!a->scene)
		return;
	for (size_t k = 0; k < a->scene->n_chan; k++)
		a->pending[k] =
			rng_poisson(&a->draw, a->scene->chan_cps[k] * slice_s);
	a->pending_fast =
		rng_poisson(&a->draw, a->scene->fast_only_cps * slice_s);
}

void acquire_init(struct acquire *a, uint64_t seed, double now_us)
{
	memset(a, 0, sizeof(*a));
	a->seed = seed;
	a->now_us = now_us;
	a->presets.high_chan = SCENE_CHANNELS_MAX - 1;
	acquire_clear(a);
}

bool acquire_is_running(const struct acquire *a)
{
	return a->is_enabled && !a->is_real_reached && !a->is_count_reached;
}

static bool is_in_preset(const struct acquire *a, size_t k)
{
	return (int)k > a->presets.low_chan && (int)k < a->presets.high_chan;
}

/*
 * A step that would count past the preset: give back events until the preset
 * is met exactly. The one that met it was, of n events spread evenly, the
 * k-th, which comes at k / (n + 1) of the step on average.
 */
static double trim_step(struct acquire *a, uint64_t n, uint64_t k)
{
	double part = (double)k / (double)(n + 1);

	for (; n > k; n--) {
		uint64_t pick = (uint64_t)(rng_uniform(&a->split) * (double)n);

		for (size_t c = 0; c < a->scene->n_chan; c++) {
			if (!is_in_preset(a, c))
				continue;
			if (pick < a->step[c]) {
				a->step[c]--;
				break;
			}
			pick -= a->step[c];
		}
	}
	for (size_t c = 0; c < a->scene->n_chan; c++) {
		if (!is_in_preset(a, c))
			a->step[c] = rng_thin(&a->split, a->step[c], part);
	}
	return part;
}

/* Count a part of the slice's events; returns the part of the step made. */
static double take_events(struct acquire *a, double part)
{
	uint64_t wanted = 0, n_preset = 0;
	uint32_t fast;
	double made = 1;

	if (!a->scene)
		return 1;
	for (size_t c = 0; c < a->scene->n_chan; c++) {
		a->step[c] = rng_thin(&a->split, a->pending[c], part);
		if (is_in_preset(a, c))
			n_preset += a->step[c];
	}
	fast = rng_thin(&a->split, a->pending_fast, part);

	if (a->presets.counts)
		wanted = a->presets.counts > a->preset_counts
				 ? a->presets.counts - a->preset_counts
				 : 0;
	if (a->presets.counts && n_preset >= wanted) {
		made = trim_step(a, n_preset, wanted);
		fast = rng_thin(&a->split, fast, made);
		n_preset = wanted;
		a->is_count_reached = true;
	}

	for (size_t c = 0; c < a->scene->n_chan; c++) {
		a->pending[c] -= a->step[c];
		a->slow += a->step[c];
		a->total += a->step[c];
		a->fast += a->step[c];
		a->counts[c] += a->step[c];
		if (a->counts[c] > ACQUIRE_COUNT_MAX)
			a->counts[c] = ACQUIRE_COUNT_MAX;
	}
	a->pending_fast -= fast;
	a->fast += fast;
	a->preset_counts += n_preset;
	return made;
}

static bool has_acc_preset(const struct acquire *a)
{
	return a->presets.acc_us > 0 && !a->is_acc_passed;
}

/* Real time left until now_us or the preset, whichever is first. */
static double real_left(const struct acquire *a, double now_us)
{
	double left = now_us - a->now_us;

	if (a->presets.real_us > 0)
		left = fmin(left, a->presets.real_us - a->real_us);
	return fmax(left, 0);
}

/* One step with the accumulation timer running, at most to a slice's end. */
static void accumulate(struct acquire *a, double left_us)
{
	double speed = 1 - (a->scene ? a->scene->lockout_part : 0);
	double target = a->slice_end_us, real, acc, made;

	if (has_acc_preset(a))
		target = fmin(target, fmax(a->presets.acc_us, a->acc_us));
	real = (target - a->acc_us) / speed;
	if (real > left_us) {
		real = left_us;
		target = fmin(a->acc_us + left_us * speed, target);
	}
	acc = target - a->acc_us;

	made = take_events(a, a->slice_end_us - a->acc_us <= acc
				      ? 1
				      : acc / (a->slice_end_us - a->acc_us));
	if (made < 1) {
		target = a->acc_us + acc * made;
		real *= made;
	}
	if (a->scene && a->on_step)
		a->on_step(a->arg, a->step, a->scene->n_chan, a->now_us,
			   a->now_us + real);
	a->acc_us = target;
	a->real_us += real;
	a->now_us += real;
	if (has_acc_preset(a) && a->acc_us >= a->presets.acc_us) {
		a->is_acc_passed = true;
		a->is_enabled = false;
	}
	if (a->acc_us >= a->slice_end_us)
		draw_slice(a, a->slice_end_us + SLICE_US);
}

void acquire_advance(struct acquire *a, double now_us)
{
	while (a->now_us < now_us && acquire_is_running(a)) {
		double left = real_left(a, now_us);

		if (a->is_gated || a->now_us < a->hold_us) {
			if (!a->is_gated)
				left = fmin(left, a->hold_us - a->now_us);
			a->now_us += left;
			a->real_us += left;
		} else if (left > TINY_US) {
			accumulate(a, left);
		} else {
			a->now_us += left;
			a->real_us += left;
		}
		if (a->presets.real_us > 0 &&
		    a->presets.real_us - a->real_us <= TINY_US)
			a->is_real_reached = true;
		if (now_us - a->now_us <= TINY_US)
			break;
	}
	if (a->now_us < now_us)
		a->now_us = now_us;
}

void acquire_set_scene(struct acquire *a, const struct scene *scene)
{
	a->scene = scene;
	draw_slice(a, a->slice_end_us);
}

void acquire_set_presets(struct acquire *a, const struct acquire_presets *p)
{
	if (p->acc_us > 0 && p->acc_us != a->presets.acc_us)
		a->is_acc_passed = false;
	a->presets = *p;
	a->preset_counts = 0;
	for (size_t c = 0; c < SCENE_CHANNELS_MAX; c++) {
		if (is_in_preset(a, c))
			a->preset_counts += a->counts[c];
	}
}

void acquire_clear(struct acquire *a)
{
	a->run++;
	rng_seed(&a->draw, a->seed, 2 * (uint64_t)a->run);
	rng_seed(&a->split, a->seed, 2 * (uint64_t)a->run + 1);
	memset(a->counts, 0, sizeof(a->counts));
	a->fast = 0;
	a->slow = 0;
	a->preset_counts = 0;
	a->acc_us = 0;
	a->real_us = 0;
	a->is_real_reached = false;
	a->is_count_reached = false;
	a->is_acc_passed = false;
	draw_slice(a, SLICE_US);
}

void acquire_enable(struct acquire *a, bool is_enabled)
{
	a->is_enabled = is_enabled;
}

void acquire_hold(struct acquire *a, double dead_us)
{
	if (acquire_is_running(a))
		a->hold_us = fmax(a->hold_us, a->now_us) + dead_us;
}
