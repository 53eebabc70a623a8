/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to a group, beacons, and the guard around what a member's message does. */
#include "sync/family.h"
#include "sync/readd.h"
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
    enum status st = g->state == GROUP_ACTIVE && count <= GROUP_SEND_MAX ? ST_OK : ST_GROUP_NOT_HERE;
    for (size_t i = 0; i < GROUP_SEND_MAX; i++) {
        buffer_init(&sealed[i], BLOCK_MESSAGE_MAX);
    }
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = protect(n, g, &messages[i], &sealed[i]);
        spans[i] = buffer_span(&sealed[i]);
    }
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

/* ---- beacons ---- */

enum status group_beacon(struct node *n, struct group *g, struct buffer *out)
{
    struct beacon b = {.scope = g->scope, .generation = g->generation, .epoch = g->epoch};
    struct relay_incarnation incarnation;
    uint8_t authenticator[HASH_LEN];
    struct writer w;
    memcpy(b.founding_hash, g->founding, HASH_LEN);
    mls_group_authenticator(g->mls, authenticator);
    enum status st = beacon_authenticator_hash(SPAN(authenticator), b.authenticator_hash);
    if (st == ST_OK) {
        st = logs_incarnation(n, g->relay, &incarnation);
        memcpy(b.incarnation.b, incarnation.b, sizeof(b.incarnation.b));
    }
    writer_init(&w, out);
    return st == ST_OK ? beacon_encode(&w, &b) : st;
}

static enum status compare_epoch(struct node *n, struct group *g, const struct device_id *from,
                                 const struct beacon *b)
{
    struct query q;
    bool differs = false;
    char name[WIRE_NAME_MAX + 1];
    query_start(&q, &n->sql, "SELECT authenticator FROM epoch WHERE grp = ? AND epoch = ?", "ii", g->id,
                (int64_t)b->epoch);
    if (query_next(&q)) {
        struct span own = query_blob(&q, 0);
        differs = own.len == HASH_LEN && memcmp(own.ptr, b->authenticator_hash, HASH_LEN) != 0;
    }
    enum status st = query_end(&q);
    if (st != ST_OK || !differs) {
        return st;
    }
    st = device_name(n, from, name, sizeof(name));
    return st == ST_OK
               ? node_alarm(n, name, "a member's group is not the same as ours: the relay may have shown two",
                            &g->scope)
               : st;
}

enum status group_beacon_seen(struct node *n, struct group *g, const struct device_id *from,
                              struct span beacon)
{
    struct beacon b;
    bool heeds = true;
    if (g->state != GROUP_ACTIVE) {
        return ST_OK;
    }
    enum status st = beacon_decode(&b, beacon);
    if (st == ST_OK) {
        st = group_gap_heeds(n, g, &b, &heeds);
    }
    if (st == ST_OK && !heeds) {
        return ST_OK;
    }
    if (st == ST_OK && (!ID_EQUAL(&b.scope, &g->scope) || b.generation != g->generation ||
                        memcmp(b.founding_hash, g->founding, HASH_LEN) != 0)) {
        return ST_OK; /* of another group of this scope */
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "INSERT INTO beacon(grp, device, epoch, authenticator, at_ms, ahead_since) "
                     "VALUES(?1,?2,?3,?4,?5,CASE WHEN ?3 > ?6 THEN ?5 ELSE 0 END)"
                     " ON CONFLICT(grp, device) DO UPDATE SET epoch = ?3, authenticator = ?4, at_ms = ?5, "
                     "ahead_since ="
                     " CASE WHEN ?3 <= ?6 THEN 0 WHEN ahead_since = 0 THEN ?5 ELSE ahead_since END",
                     "ibibii", g->id, SPAN_ID(from), (int64_t)b.epoch, SPAN(b.authenticator_hash),
                     n->now.wall_ms, (int64_t)g->epoch);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "INSERT INTO device(device, seen_at) VALUES(?1, ?2) ON CONFLICT(device) DO UPDATE SET "
                     "seen_at = ?2",
                     "bi", SPAN_ID(from), n->now.wall_ms);
    }
    if (st == ST_OK && b.epoch <= g->epoch) {
        st = compare_epoch(n, g, from, &b);
    }
    if (st == ST_OK && b.epoch < g->epoch) {
        st = readd_tell_behind(n, g, from);
    }
    return st == ST_OK ? group_end_gap(n, g) : st;
}
