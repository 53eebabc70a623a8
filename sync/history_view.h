/* SPDX-License-Identifier: Apache-2.0 */
/* What view_history and view_search share. */
#ifndef KITH_SYNC_HISTORY_VIEW_H
#define KITH_SYNC_HISTORY_VIEW_H

#include "sync/node_internal.h"

/* The scope that a name stands for: a contact's conversation, or the family's. */
enum status history_scope(struct node *n, const char *with, struct scope_id *out) MUST_USE;
/* Visits one entry of table `entry` as a row; nothing when it holds no text (any more). */
enum status history_show(struct node *n, int64_t entry, history_visit visit, void *ctx) MUST_USE;

#endif
