/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/apart.h"

#include "sync/family.h"
#include "sync/journal.h"
#include "sync/readd.h"
#include "sync/removal.h"

enum apart_limits {
    COUNT_MS = 3 * 3600 * 1000, /* one of our `have`s counts so long after the one before */
    AGAIN_MS = 24 * 3600 * 1000 /* one member makes this device leave a group so often */
};
enum lost {                 /* the column `lost`; the SQL has the numbers */
            LOST_ALARM = 4, /* our regular `have`s since: then it is lost */
            LOST_TOLD = 5,  /* and the person knows */
            LOST_ACTED = 6  /* and one of the two has asked, or was told, to be added again */
};

/* ---- counting ---- */

static enum status alarm_lost(struct node *n, const struct scope_id *scope)
{
    struct device_id author;
    bool found = true;
    enum status st = ST_OK;
    while (st == ST_OK && found) {
        struct query q;
        query_start(&q, &n->sql, "SELECT author FROM head WHERE scope = ? AND lost = 4 LIMIT 1", "b",
                    SPAN_ID(scope));
        found = query_next(&q);
        if (found) {
            QUERY_ID(&q, 0, &author);
        }
        st = query_end(&q);
        if (st == ST_OK && found) {
            st = sql_run(&n->sql, "UPDATE head SET lost = 5 WHERE scope = ? AND author = ?", "bb",
                         SPAN_ID(scope), SPAN_ID(&author));
        }
        if (st == ST_OK && found) {
            st = device_alarm(n, &author, "the relay does not show what this device wrote", scope);
        }
    }
    return st;
}

enum status apart_count(struct node *n, const struct scope_id *scope)
{
    int64_t any = 0;
    enum status st = sql_number(&n->sql, &any, 0, "SELECT count(*) FROM head WHERE scope = ? AND lost != 0",
                                "b", SPAN_ID(scope));
    if (st != ST_OK || any == 0) {
        return st;
    }
    st = sql_run(&n->sql, "UPDATE head SET lost = 0 WHERE scope = ? AND lost != 0 AND told_seq <= cont_seq",
                 "b", SPAN_ID(scope));
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "UPDATE head SET lost = lost + 1, lost_at = ?2 WHERE scope = ?1 AND lost BETWEEN 1 AND 3 AND"
            " (lost_at <= ?2 - ?3 OR lost_at > ?2)",
            "bii", SPAN_ID(scope), n->now.wall_ms, (int64_t)COUNT_MS);
    }
    return st == ST_OK ? alarm_lost(n, scope) : st;
}

/* ---- who gives way ---- */

static enum status give_way(struct node *n, struct group *g)
{
    return group_stuck(n, g,
                       "the relay shows this device other things than the others: it asks to be added again");
}

/* One that says so again and again makes this device leave once a day. */
static enum status may_again(struct node *n, const struct scope_id *scope, const struct device_id *device,
                             bool *may)
{
    int64_t before = 0;
    enum status st = sql_run(&n->sql, "INSERT OR IGNORE INTO head(scope, author) VALUES(?,?)", "bb",
                             SPAN_ID(scope), SPAN_ID(device));
    if (st == ST_OK) {
        st = sql_number(&n->sql, &before, 0, "SELECT apart_at FROM head WHERE scope = ? AND author = ?", "bb",
                        SPAN_ID(scope), SPAN_ID(device));
    }
    *may = st == ST_OK && (before > n->now.wall_ms || before <= n->now.wall_ms - AGAIN_MS);
    return *may ? sql_run(&n->sql, "UPDATE head SET apart_at = ? WHERE scope = ? AND author = ?", "ibb",
                          n->now.wall_ms, SPAN_ID(scope), SPAN_ID(device))
                : st;
}

static enum status part(struct node *n, struct group *g, const struct device_id *device, bool mine)
{
    bool sent = false;
    return mine || ID_COMPARE(&n->self.device, device) > 0
               ? give_way(n, g)
               : readd_beacon_to(n, g, device, LETTERBOX_APART, NULL, &sent);
}

enum status apart_branches(struct node *n, struct group *g, const struct device_id *device)
{
    bool may = false;
    enum status st = may_again(n, &g->scope, device, &may);
    return st == ST_OK && may ? part(n, g, device, false) : st;
}

bool apart_gives_way(struct node *n, const struct group *old, struct mls_group *mls)
{
    struct device_certificate c;
    const struct group new = {.mls = mls};
    bool ahead = mls_group_epoch(mls) > old->epoch || old->state == GROUP_STUCK, back = false;
    for (uint32_t at = 0; ahead && !back && group_next(&new, &at, &c);) {
        back = revocation_known(n, &c.device) && !group_has_device(old, &c.device, NULL);
    }
    return ahead && !back;
}

/* ---- letters ---- */

struct loss {
    int64_t lost, own; /* own: how far our own entries were at the relay when it was first told */
    bool lacks;
};

static enum status load_loss(struct node *n, const struct scope_id *scope, const struct device_id *author,
                             struct loss *out)
{
    struct query q;
    *out = (struct loss){0};
    query_start(
        &q, &n->sql,
        "SELECT told_seq > cont_seq AND (pin_seq IS NULL OR cont_seq < pin_seq), lost, lost_own FROM head"
        " WHERE scope = ? AND author = ?",
        "bb", SPAN_ID(scope), SPAN_ID(author));
    if (query_next(&q)) {
        out->lacks = query_int(&q, 0) != 0;
        out->lost = query_int(&q, 1);
        out->own = query_int(&q, 2);
    }
    return query_end(&q);
}

static enum status begin_loss(struct node *n, const struct scope_id *scope, const struct device_id *author)
{
    return sql_run(
        &n->sql,
        "UPDATE head SET lost = 1, lost_at = ?3, lost_own = coalesce((SELECT seq FROM entry INDEXED BY"
        " entry_author WHERE scope = ?1 AND author = ?4 AND own = 1 AND acked = 1 AND fork = 0 ORDER BY seq"
        " DESC LIMIT 1), 0) WHERE scope = ?1 AND author = ?2",
        "bbib", SPAN_ID(scope), SPAN_ID(author), n->now.wall_ms, SPAN_ID(&n->self.device));
}

/* `ours`: how far the member has our own entries. */
static enum status heard(struct node *n, struct group *g, const struct device_id *from,
                         const struct have_author *ours)
{
    struct loss l;
    enum status st = load_loss(n, &g->scope, from, &l);
    if (st != ST_OK || !l.lacks) {
        return st;
    }
    if (l.lost == 0) {
        return begin_loss(n, &g->scope, from);
    }
    if (l.lost != LOST_TOLD) {
        return ST_OK;
    }
    st = sql_run(&n->sql, "UPDATE head SET lost = ? WHERE scope = ? AND author = ?", "ibb",
                 (int64_t)LOST_ACTED, SPAN_ID(&g->scope), SPAN_ID(from));
    return st == ST_OK ? part(n, g, from, (ours ? (int64_t)ours->seq : 0) >= l.own) : st;
}

/* Is the beacon of this very group, of a member? */
static bool of_group(const struct group *g, const struct beacon *b, const struct device_id *from)
{
    return g->state == GROUP_ACTIVE && b->generation == g->generation && group_has_device(g, from, NULL) &&
           memcmp(b->founding_hash, g->founding, HASH_LEN) == 0;
}

static enum status take(struct node *n, const struct have *h, const struct device_id *from)
{
    struct beacon b;
    struct group *g = NULL;
    const struct have_author *own = journal_have_line(h, from);
    enum status st = beacon_decode(&b, h->beacon);
    if (st == ST_OK) {
        st = group_of_scope(n, &h->scope, &g);
    }
    if (st == ST_OK && !group_has_device(g, from, NULL)) {
        st = ST_LETTERBOX_SENDER;
    }
    if (st == ST_OK) {
        st = group_beacon_seen(n, g, from, h->beacon);
    }
    if (st != ST_OK || !own || !of_group(g, &b, from)) {
        return st;
    }
    st = journal_announced(n, g->kind, &h->scope, own);
    if (st == ST_OK) { /* what it attests may have moved groups */
        st = group_of_scope(n, &h->scope, &g);
    }
    return st == ST_OK && g->state == GROUP_ACTIVE ? heard(n, g, from, journal_have_line(h, &n->self.device))
                                                   : st;
}

enum status letter_have(struct node *n, const struct received_letter *l)
{
    struct have *h = mem_alloc(1, sizeof(*h));
    enum status st = h ? have_decode(h, l->m->body) : ST_NO_MEMORY;
    if (st == ST_OK) {
        st = take(n, h, &l->from.device);
    }
    mem_free(h, sizeof(*h));
    return st;
}

enum status letter_apart(struct node *n, const struct received_letter *l)
{
    struct beacon b;
    struct group *g = NULL;
    bool may = false;
    const struct device_id *from = &l->from.device;
    enum status st = beacon_decode(&b, l->m->body);
    if (st == ST_OK) {
        st = group_of_scope(n, &b.scope, &g);
    }
    if (st == ST_OK && !of_group(g, &b, from)) {
        st = ST_LETTERBOX_SENDER;
    }
    if (st == ST_OK && ID_COMPARE(&n->self.device, from) > 0) {
        st = may_again(n, &g->scope, from, &may);
    }
    if (st == ST_OK && may) {
        st = device_alarm(n, from, "the relay does not show there what this device writes", &g->scope);
    }
    return st == ST_OK && may ? give_way(n, g) : st;
}
