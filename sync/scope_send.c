/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to a group, and the guard around what a member's message does. */
#include "sync/scope_internal.h"

static enum status protect(struct node *n, struct group *g, const struct group_message *m, struct buffer *out)
{
    struct buffer plain;
    struct writer w;
    buffer_init(&plain, GROUP_MESSAGE_MAX + 16);
    writer_init(&w, &plain);
    enum status st = group_message_encode(&w, m);
    if (st == ST_OK) {
        struct mls_protect_args a = {.key = &n->self.key, .plaintext = buffer_span(&plain)};
        st = mls_group_protect(g->mls, &a, &n->entropy, out);
    }
    buffer_wipe(&plain);
    return st;
}

enum status group_send(struct node *n, struct group *g, const struct group_message *messages, size_t count,
                       enum outbox_purpose purpose, int64_t *outbox)
{
    struct buffer sealed[GROUP_SEND_MAX];
    struct span spans[GROUP_SEND_MAX];
    bool echoed = false; /* no key is spent before it is known that it was not spent already (§5.4) */
    enum status st = logs_echoed(n, g->log, &echoed);
    if (st == ST_OK && (g->state != GROUP_ACTIVE || count > GROUP_SEND_MAX || !echoed)) {
        st = echoed ? ST_GROUP_NOT_HERE : ST_GROUP_BUSY;
    }
    for (size_t i = 0; i < GROUP_SEND_MAX; i++) {
        buffer_init(&sealed[i], BLOCK_MESSAGE_MAX);
    }
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = protect(n, g, &messages[i], &sealed[i]);
        spans[i] = buffer_span(&sealed[i]);
    }
    n->sealed = true;
    /* The ratchet's new state is on disk with the ciphertext: one transaction. */
    enum status saved = group_save(n, g);
    st = st == ST_OK ? saved : st;
    if (st == ST_OK) {
        st = logs_append(n, g->log, spans, count, purpose, g->id, outbox);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE mls_group SET sent_count = sent_count + ? WHERE id = ?", "ii",
                     (int64_t)count, g->id);
    }
    for (size_t i = 0; i < GROUP_SEND_MAX; i++) {
        buffer_wipe(&sealed[i]);
    }
    return st;
}

static enum status call_message(struct node *n, void *arg)
{
    struct message_call *call = arg;
    struct group *g = NULL;
    enum status st = group_get(n, call->group, &g);
    return st == ST_OK ? group_message(n, g, call->sender, call->epoch, call->message) : st;
}

enum status group_message_guarded(struct node *n, struct message_call *call)
{
    enum status why = ST_OK, st = node_guard(n, call_message, call, &why);
    return st == ST_OK ? why : st;
}
