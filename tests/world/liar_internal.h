/* SPDX-License-Identifier: Apache-2.0 */
/* What the liar*.c files share. */
#ifndef KITH_TESTS_LIAR_INTERNAL_H
#define KITH_TESTS_LIAR_INTERNAL_H

#include "tests/world/liar.h"

/* ---- liar_history.c ---- */

/* From now on the history that this device gives is forged. */
void liar_gives_history(const struct device_id *device);

#endif
