/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: checked against the table, run, answered by one FX_RESULT each. */
#ifndef KITH_SYNC_COMMANDS_H
#define KITH_SYNC_COMMANDS_H

#include "sync/node_internal.h"

/* What a command tells besides its status: texts are copied into the effect. All empty is fine. */
struct reply {
    struct buffer link, id;
    char name[NODE_NAME_MAX + 20], of[NODE_NAME_MAX + 20];
    char kit[256];
    const char *rule; /* static */
    enum status why;  /* with ST_OK: what was done is kept, and this is the command's status */
    int64_t expires_at_ms;
};

enum status commands_run(struct node *n, uint64_t id, const struct command *c) MUST_USE;
/* The id of a request or message, for the result. */
enum status reply_id(struct reply *r, struct span id) MUST_USE;
/* Text of a field as a NUL-terminated copy in buf ("" when it was not given). */
const char *command_text(const struct command *c, size_t place, char *buf, size_t cap);
/* A name that somebody gives: a NUL-terminated copy, or ST_COMMAND_TEXT, ST_COMMAND_NAME (protocol/name.h).
 */
enum status command_name(const struct command *c, size_t place, char buf[static NODE_NAME_MAX + 1]) MUST_USE;

enum status run_init(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_pair_invite(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_pair_accept(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_pair_confirm(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_pair_yes(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_pair_cancel(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_pair_no(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_invite(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_meet(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_approve(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_deny(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_withdraw(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_edit(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_delete(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_react(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_timer(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_receipts(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_read(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_send_file(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_get(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_cancel(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_send(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_waiting_send(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_waiting_drop(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_devices_remove(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_relay_add(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_relay_use(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_relay_remove(struct node *n, const struct command *c, struct reply *r) MUST_USE;
enum status run_policy_set(struct node *n, const struct command *c, struct reply *r) MUST_USE;

#endif
