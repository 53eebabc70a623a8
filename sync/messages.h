/* SPDX-License-Identifier: Apache-2.0 */
/* What people say. */
#ifndef KITH_SYNC_MESSAGES_H
#define KITH_SYNC_MESSAGES_H

#include "protocol/entry_body.h"
#include "protocol/kith_context.h"
#include "sync/commands.h"

/* Can something be written into this scope now, and with `judged`, do the rules let it? *kind: family or
 * conversation. ST_CONTACT_*, ST_POLICY_*, as `send` has them. */
enum status message_scope(struct node *n, const struct scope_id *scope, bool judged, enum scope_kind *kind,
                          struct reply *r) MUST_USE;

/* The same for a file. */
enum status message_scope_of_file(struct node *n, const struct scope_id *scope, bool image,
                                  enum scope_kind *kind, struct reply *r) MUST_USE;

/* May this be said: at most ENTRY_TEXT_MAX bytes of plain text. */
bool text_ok(struct span text);

/* Writes it (journal_append); before a text, an edit or a file the timer of the scope is taken over. */
enum status message_append(struct node *n, enum scope_kind kind, const struct scope_id *scope,
                           const struct entry_body *body, struct entry_hash *hash) MUST_USE;

#endif
