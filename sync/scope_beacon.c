/* SPDX-License-Identifier: Apache-2.0 */
/* Beacons: where a member says that it stands, compared with what this device has been through (§5.4). */
#include "sync/apart.h"
#include "sync/family.h"
#include "sync/readd.h"
#include "sync/scope_internal.h"
#include "sync/succession.h"

enum status group_beacon(struct node *n, struct group *g, const uint8_t *answer, struct buffer *out)
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
    if (answer) {
        b.answers = true;
        memcpy(b.nonce, answer, sizeof(b.nonce));
    }
    if (st == ST_OK) {
        st = group_gap_nonce(n, g, b.asked, &b.asks);
    }
    writer_init(&w, out);
    return st == ST_OK ? beacon_encode(&w, &b) : st;
}

/* Does our own record of that epoch say the same? An epoch that is not on record is not the same. */
static enum status compare_epoch(struct node *n, struct group *g, const struct beacon *b, bool *same,
                                 bool *differs)
{
    struct query q;
    *same = *differs = false;
    query_start(&q, &n->sql, "SELECT authenticator FROM epoch WHERE grp = ? AND epoch = ?", "ii", g->id,
                (int64_t)b->epoch);
    if (query_next(&q)) {
        struct span own = query_blob(&q, 0);
        bool known = own.len == HASH_LEN; /* of epochs before ours an Admission tells the authors only */
        *same = known && memcmp(own.ptr, b->authenticator_hash, HASH_LEN) == 0;
        *differs = known && !*same;
    }
    return query_end(&q);
}

static enum status alarm_fork(struct node *n, struct group *g, const struct device_id *from)
{
    return device_alarm(n, from, "a member's group is not the same as ours: the relay may have shown two",
                        &g->scope);
}

static enum status note_beacon(struct node *n, struct group *g, const struct device_id *from,
                               const struct beacon *b)
{
    enum status st = sql_run(
        &n->sql,
        "INSERT INTO beacon(grp, device, epoch, authenticator, at_ms, ahead_since)"
        " VALUES(?1,?2,?3,?4,?5,CASE WHEN ?3 > ?6 THEN ?5 ELSE 0 END)"
        " ON CONFLICT(grp, device) DO UPDATE SET epoch = ?3, authenticator = ?4, at_ms = ?5, ahead_since ="
        " CASE WHEN ?3 <= ?6 THEN 0 WHEN ahead_since = 0 OR epoch <= ?6 THEN ?5 ELSE ahead_since END"
        " WHERE epoch <= ?3", /* who has caught up with what it told before is behind since now */
        "ibibii", g->id, SPAN_ID(from), (int64_t)b->epoch, SPAN(b->authenticator_hash), n->now.wall_ms,
        (int64_t)g->epoch);
    if (st == ST_OK && b->asks) {
        st = sql_run(&n->sql, "UPDATE beacon SET ask = ? WHERE grp = ? AND device = ?", "bib", SPAN(b->asked),
                     g->id, SPAN_ID(from));
    }
    return st == ST_OK ? sql_run(&n->sql,
                                 "INSERT INTO device(device, seen_at) VALUES(?1, ?2) ON CONFLICT(device) DO "
                                 "UPDATE SET seen_at = ?2",
                                 "bi", SPAN_ID(from), n->now.wall_ms)
                       : st;
}

enum status group_beacon_seen(struct node *n, struct group *g, const struct device_id *from,
                              struct span beacon)
{
    struct beacon b;
    bool same = false, differs = false;
    enum status st = beacon_decode(&b, beacon);
    if (st == ST_OK && (!ID_EQUAL(&b.scope, &g->scope) || b.generation != g->generation ||
                        memcmp(b.founding_hash, g->founding, HASH_LEN) != 0)) {
        bool other = ID_EQUAL(&b.scope, &g->scope) && b.generation >= g->generation;
        return other ? succession_beside(n, g, from, &b) : ST_OK;
    }
    if (st == ST_OK) {
        st = note_beacon(n, g, from, &b);
    }
    if (st == ST_OK) {
        st = succession_not_beside(n, g, from);
    }
    if (st != ST_OK || g->state != GROUP_ACTIVE) {
        return st; /* who cannot follow still answers, and compares nothing */
    }
    if (b.epoch <= g->epoch) {
        st = compare_epoch(n, g, &b, &same, &differs);
    }
    if (st == ST_OK && differs) {
        st = alarm_fork(n, g, from);
    }
    if (st == ST_OK && differs) {
        st = apart_branches(n, g, from);
    }
    if (st != ST_OK || g->state != GROUP_ACTIVE) {
        return st;
    }
    if (st == ST_OK && b.epoch < g->epoch) {
        st = readd_tell_behind(n, g, from);
    }
    return st == ST_OK ? group_gap_beacon(n, g, from, &b, same) : st;
}
