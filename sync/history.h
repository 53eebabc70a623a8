/* SPDX-License-Identifier: Apache-2.0 */
/* History for a person's new device (protocol.md §9), without resume: an older device packs the entries of
 * the conversations that its person is in, newest conversation first, puts them as history_part records into
 * a fresh bulk log, and writes HISTORY_OFFER into `own`; the new device reads the log, checks the SHA-256 and
 * gives each entry to journal_take_passed_on. Last comes
 * what was said in the family. */
#ifndef KITH_SYNC_HISTORY_H
#define KITH_SYNC_HISTORY_H

#include "sync/journal.h"

/* A device of our person joined `own` by a commit of this device: offer it what this device has. Once a
 * device. */
enum status history_offer_to(struct node *n, const struct device_id *device) MUST_USE;

#endif
