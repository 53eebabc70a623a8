/* SPDX-License-Identifier: Apache-2.0 */
/* A long past without writing it message by message: entries put into a device's journal as if they had been
 * sent long ago. */
#ifndef KITH_TESTS_WORLD_PAST_H
#define KITH_TESTS_WORLD_PAST_H

#include "tests/world/world_inside.h"

/* So many texts of `len` bytes (at most 8000) by this device in its person's first conversation, at the relay
 * already. Their words are of a small vocabulary, so they compress as what people write does. */
void world_write_past(struct world *w, size_t device, size_t count, size_t len);

#endif
