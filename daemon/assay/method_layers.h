/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Layers of a method file, as its table of keys reads them. */
#ifndef DAEMON_ASSAY_METHOD_LAYERS_H
#define DAEMON_ASSAY_METHOD_LAYERS_H

#include "assay/method.h"
#include "base/ini.h"

struct method_layers {
	struct method_layer layer[METHOD_MAX_LAYERS];
	size_t n;
};

/*
 * Layers separated by `|`, each mass fractions that sum to 1, density in g/cm3
 * and thickness in cm, or "none", into @field, a struct method_layers. 0, or
 * -EINVAL with @no: the `parse` of an INI_CUSTOM.
 */
int method_layers_parse(const char *value, void *field, struct ini_refusal *no);

#endif
