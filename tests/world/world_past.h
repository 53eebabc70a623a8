/* SPDX-License-Identifier: Apache-2.0 */
/* A long past without writing it message by message: entries put into a device's journal as if they had been
 * sent long ago. */
#ifndef KITH_TESTS_WORLD_PAST_H
#define KITH_TESTS_WORLD_PAST_H

#include "tests/world/world_inside.h"

struct past { /* random: any number; its words follow from it */
    size_t count, len;
    uint64_t random;
};
/* A node_fn: so many texts by this device in its person's first conversation, where it has said something
 * already. */
enum status past_write(struct node *n, void *past);

/* So many texts of `len` bytes (at most 8000) by this device in its person's first conversation, at the relay
 * already. Their words are of a small vocabulary, so they compress as what people write does. */
void world_write_past(struct world *w, size_t device, size_t count, size_t len);

#endif
