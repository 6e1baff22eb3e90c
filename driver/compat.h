/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the kernels we serve differ: 6.1, 6.12, and what dkms meets later. */
#ifndef DRIVER_COMPAT_H
#define DRIVER_COMPAT_H

#include <linux/device.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

static inline struct class *dp5_class_create(const char *name)
{
#ifdef class_create /* a macro, with the owner, before 6.4 */
	return class_create(THIS_MODULE, name);
#else
	return class_create(name);
#endif
}

/* Functions both, so that Kbuild has to look: hrtimer_setup() is there since
 * 6.13, hrtimer_init() until 6.14.
 */
typedef enum hrtimer_restart dp5_timer_fn(struct hrtimer *timer);

static inline void dp5_timer_init(struct hrtimer *timer, dp5_timer_fn *fn,
				  enum hrtimer_mode mode)
{
#ifdef DP5_HAS_HRTIMER_SETUP
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, mode);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = fn;
#endif
}

/* What io_uring has for a thread ends its waits as a signal does, but where the
 * kernel lets it be put off.
 */
static inline unsigned int dp5_uring_hold(void)
{
#ifdef PF_NO_NOTIFY_SIGNAL
	return no_notify_signal_save();
#else
	return 0;
#endif
}

static inline void dp5_uring_release(unsigned int flags)
{
#ifdef PF_NO_NOTIFY_SIGNAL
	no_notify_signal_restore(flags);
#endif
}

#endif /* DRIVER_COMPAT_H */
