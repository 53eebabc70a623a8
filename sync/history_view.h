/* SPDX-License-Identifier: Apache-2.0 */
/* What view_history and view_search share. */
#ifndef KITH_SYNC_HISTORY_VIEW_H
#define KITH_SYNC_HISTORY_VIEW_H

#include "sync/node_internal.h"

/* The scope that a name stands for: a contact's conversation, or the family's. */
enum status history_scope(struct node *n, const char *with, struct scope_id *out) MUST_USE;
/* Visits one entry of table `entry` as a row; nothing when it holds no text (any more). */
enum status history_show(struct node *n, int64_t entry, history_visit visit, void *ctx) MUST_USE;

/* Whom a conversation is with, as this device's person would say it. */
enum status history_scope_name(struct node *n, const struct scope_id *scope, char *out, size_t cap) MUST_USE;

/* One file as a row, with the texts that it borrows. */
struct file_view {
    struct file_row row;
    char id[2 * ID_LEN + 1], token[2 * SHORT_ID_LEN + 1], name[256], media[65], with[NODE_NAME_MAX + 20],
        why[48];
};
/* By table file's id; the message's row of `entry` instead when id is 0. False in *any: there is none. */
enum status file_view_read(struct node *n, int64_t id, int64_t entry, struct file_view *out,
                           bool *any) MUST_USE;

/* The files that come with history; false in *any: there are none. */
enum status files_progress(struct node *n, struct files_row *out, bool *any) MUST_USE;

#endif
