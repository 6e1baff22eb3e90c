/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A result as a message of LIS2-A2 (ASTM E1394), which a LIMS imports. */
#ifndef TOOLS_REESPEC_LIS2_H
#define TOOLS_REESPEC_LIS2_H

#include "base/buf.h"
#include "base/json.h"

/*
 * Appends the message of one result, whose @body is that of its record:
 * records H, P, O, C (the verdict), R and C for each element, oxide and sum,
 * and L, each ended by a carriage return. Values stand in mg/kg to two digits
 * of their standard uncertainty, what lies below L_C as "<" and three digits of
 * L_D with the flag "<"; the C below each has the raw numbers. A result that is
 * whole and accepted by its method is final (F), or, when an earlier one was
 * computed again or it was amended since, a correction (C), any other
 * preliminary (P); one of a simulated instrument is marked as training (T). The
 * message's own id (H.3) is ledger and number of the result, or of what amended
 * it last since. Times are local, as the standard wants them.
 *
 * 0, -EINVAL when @body holds no contents, or -ENOMEM; then @ret is as before.
 */
int lis2_write(json_t *body, struct buf *ret);

#endif
