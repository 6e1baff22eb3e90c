/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the kernels we serve differ: 6.1 and 6.12. */
#ifndef DRIVER_COMPAT_H
#define DRIVER_COMPAT_H

#include <linux/device.h>
#include <linux/module.h>

static inline struct class *dp5_class_create(const char *name)
{
#ifdef class_create /* a macro, with the owner, before 6.4 */
	return class_create(THIS_MODULE, name);
#else
	return class_create(name);
#endif
}

#endif /* DRIVER_COMPAT_H */
