/* SPDX-License-Identifier: Apache-2.0 */
/* The witness: says whether the database goes on where this device's last process stopped (protocol.md §5.4).
 *
 * Its value changes in every batch that seals something to a group, is stored with it, and is written by the
 * host where no backup reaches (kithd: the folder of its socket, which a restart of the machine empties). The
 * same value in both: nothing was sealed since, so whatever was known of the logs' ends holds on. A value
 * that is missing or older says nothing, and every log is read to its end before anything is sent. One that
 * is newer than the database: the database is an old copy. */
#ifndef KITH_SYNC_WITNESS_H
#define KITH_SYNC_WITNESS_H

#include "sync/node_internal.h"

/* At node_open, in its transaction. `kept` is NODE_WITNESS_LEN bytes, or NULL. */
enum status witness_open(struct node *n, const uint8_t *kept) MUST_USE;
/* Before COMMIT: a new value when the batch sealed something. */
enum status witness_advance(struct node *n) MUST_USE;

#endif
