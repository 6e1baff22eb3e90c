/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one place of the version; module, daemon and `make dkms` say it. */
#ifndef DRIVER_VERSION_H
#define DRIVER_VERSION_H

#define REESPEC_VERSION "0.1"

#endif /* DRIVER_VERSION_H */
