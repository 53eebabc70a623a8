/* SPDX-License-Identifier: Apache-2.0 */
/* After a gap (§5.3): *first* in a log holds only for a reader that saw every block before it. A relay that
 * lost its store, a hole in a log, or 40 days in which a log was not read to its end: until every other leaf
 * has sent a beacon that counts and stands at our epoch or an earlier one of our own history, this device
 * neither makes nor applies commits. Messages, `have` and repair go on. Then the epoch's log is read again
 * from its start.
 *
 * What counts: after a new store, a beacon that names the new incarnation; after a hole or an absence, also
 * the nonce that this device has asked for, so that none counts which was made before. */
#include "sync/family.h"
#include "sync/journal.h"
#include "sync/scope_internal.h"

enum gap_limits {
    GAP_MISSING_MS = 24 * 3600 * 1000, /* so long may a member be silent before the person is told */
    GAP_AT_ONCE = 256,
    GAP_TOLD_WITHIN_MS = 2000,  /* the first `have` of a gap */
    READ_NOTED_MS = 3600 * 1000 /* that a log was read to its end is written down once an hour */
};
#define GAP_AWAY_MS (INT64_C(40) * 86400000)

/* ---- an own commit that was under way ---- */

enum kept { /* the column pending_at of one that was kept over a gap */
            KEPT = 0,
            KEPT_LOOKED = 1 /* the log was read to its end since, and it was not there */
};

/* It may stand in the log, which others read as well: it counts there as anybody's. */
static enum status keep_own_commit(struct node *n, const struct group *g)
{
    return sql_run(&n->sql, "UPDATE mls_group SET pending_at = ? WHERE id = ?", "ii", (int64_t)KEPT, g->id);
}

static enum status drop_own_commit(struct node *n, struct group *g)
{
    enum status st = group_save_pending(n, g, NULL);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM pending_letter WHERE grp = ?", "i", g->id);
    }
    g->touched = true;
    g->pending = false;
    return st == ST_OK
               ? sql_run(&n->sql, "UPDATE mls_group SET pending = 0, dirty = 1 WHERE id = ?", "i", g->id)
               : st;
}

/* Once nothing of it is on its way any more the log is read a second time: what is not there now, is gone. */
enum status group_log_end(struct node *n, const struct log_row *log)
{
    struct group *g = NULL;
    int64_t kept = -1, waits = 0;
    enum status st = group_get(n, log->owner, &g);
    if (st != ST_OK || !g->pending || g->gap || g->log != log->id) {
        return st == ST_GROUP_NOT_HERE ? ST_OK : st;
    }
    st = sql_number(&n->sql, &kept, -1, "SELECT pending_at FROM mls_group WHERE id = ?", "i", g->id);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &waits, 0, "SELECT count(*) FROM outbox WHERE log = ?", "i", log->id);
    }
    if (st != ST_OK || kept > KEPT_LOOKED || waits != 0) {
        return st;
    }
    if (kept == KEPT_LOOKED) {
        return drop_own_commit(n, g);
    }
    st = sql_run(&n->sql, "UPDATE mls_group SET pending_at = ? WHERE id = ?", "ii", (int64_t)KEPT_LOOKED,
                 g->id);
    return st == ST_OK ? logs_reread(n, log->id) : st;
}

/* ---- beginning ---- */

static const char *gap_text(enum gap_cause cause)
{
    switch (cause) {
    case GAP_HOLE:
        return "the relay left out a block";
    case GAP_AWAY:
        return "this device was away for 40 days";
    case GAP_OLD_STORE:
        return "the relay's store is older than it was";
    case GAP_NEW_STORE:
    default:
        return "the relay lost its store";
    }
}

/* Which nonce the others' beacons have to name; NULL where the incarnation says enough. */
static enum status draw_nonce(struct node *n, const struct group *g, enum gap_cause cause,
                              uint8_t nonce[static BEACON_NONCE_LEN], bool *wanted)
{
    int64_t before = 0;
    enum status st = sql_number(&n->sql, &before, 0,
                                "SELECT gap_nonce IS NOT NULL FROM mls_group WHERE id = ?", "i", g->id);
    *wanted = cause != GAP_NEW_STORE || (g->gap && before != 0);
    entropy_fill(&n->entropy, nonce, BEACON_NONCE_LEN);
    return st;
}

enum status group_begin_gap(struct node *n, struct group *g, enum gap_cause cause)
{
    uint8_t nonce[BEACON_NONCE_LEN];
    bool wanted = false;
    enum status st = draw_nonce(n, g, cause, nonce, &wanted);
    g->touched = true;
    g->gap = true;
    if (st == ST_OK && g->pending) {
        st = keep_own_commit(n, g);
    }
    if (st == ST_OK && mls_group_member_count(g->mls) == 1) {
        g->gap = false; /* nobody else could have been first */
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE beacon SET gap_epoch = -1 WHERE grp = ?", "i", g->id);
    }
    if (st == ST_OK) {
        st =
            sql_run(&n->sql,
                    "UPDATE mls_group SET gap_at = ?, gap_nonce = ?, gap_why = ?, gap_told = 0, read_at = ?,"
                    " have_at = ?, beacon_at = 1, dirty = 1 WHERE id = ?",
                    "iotiii", g->gap ? n->now.wall_ms : 0, wanted ? SPAN(nonce) : SPAN_EMPTY, gap_text(cause),
                    n->now.wall_ms, n->now.wall_ms + node_random_below(n, GAP_TOLD_WITHIN_MS), g->id);
    }
    if (st == ST_OK && g->gap) {
        node_wake_wall(n, n->now.wall_ms + GAP_MISSING_MS);
    }
    return st;
}

enum status group_hole(struct node *n, const struct log_row *log)
{
    struct group *g = NULL;
    enum status st = group_get(n, log->owner, &g);
    if (st == ST_GROUP_NOT_HERE) {
        return ST_OK;
    }
    bool present = st == ST_OK && (uint64_t)log->epoch == g->epoch && g->state == GROUP_ACTIVE;
    if (present) {
        st = relay_trouble_at(n, g->relay);
    }
    return present && st == ST_OK ? group_begin_gap(n, g, GAP_HOLE) : st;
}

/* Begins a gap in every group that the query names (its first column is the id). */
static enum status begin_all(struct node *n, const char *sql, int64_t arg, enum gap_cause cause)
{
    int64_t ids[GAP_AT_ONCE];
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql, sql, "i", arg);
    while (count < GAP_AT_ONCE && query_next(&q)) {
        ids[count++] = query_int(&q, 0);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct group *g = NULL;
        st = group_get(n, ids[i], &g);
        if (st == ST_OK) {
            st = group_begin_gap(n, g, cause);
        }
    }
    return st;
}

enum status group_gap(struct node *n, int64_t relay, bool older)
{
    enum status st = begin_all(n, "SELECT id FROM mls_group WHERE relay = ? AND state = 1", relay,
                               older ? GAP_OLD_STORE : GAP_NEW_STORE);
    /* What was there is gone: everybody tells what they have, and what is missing is sent again. */
    return st == ST_OK ? sql_run(&n->sql,
                                 "UPDATE entry SET acked = 0, sent_epoch = NULL, outbox = NULL WHERE own = 1 "
                                 "AND acked = 1 AND arrived_at > ?",
                                 "i", n->now.wall_ms - INT64_C(60000))
                       : st;
}

/* ---- absence ---- */

enum status group_note_absence(struct node *n, struct group *g)
{
    int64_t read_at = 0;
    enum status st =
        sql_number(&n->sql, &read_at, 0, "SELECT read_at FROM mls_group WHERE id = ?", "i", g->id);
    bool away = st == ST_OK && !g->gap && read_at != 0 && read_at < n->now.wall_ms - GAP_AWAY_MS;
    return away ? group_begin_gap(n, g, GAP_AWAY) : st;
}

enum status group_read_to_end(struct node *n, const int64_t *logs, size_t count, const struct relay_answer *a)
{
    int64_t due = 0;
    size_t at = 0;
    enum status st =
        sql_number(&n->sql, &due, 0, "SELECT count(*) FROM mls_group WHERE state = 1 AND read_at < ?", "i",
                   n->now.wall_ms - READ_NOTED_MS);
    for (size_t i = 0; st == ST_OK && due != 0 && i < count; i++) {
        if (at < a->count && a->grown[at].index == i) {
            at++;
            continue;
        }
        st = sql_run(
            &n->sql,
            "UPDATE mls_group SET reading_since = CASE WHEN reading_since = 0 OR read_at < ?1 - ?2 THEN"
            " ?1 ELSE reading_since END, read_at = ?1 WHERE log = ?3 AND state = 1 AND read_at < ?1 - ?4"
            " AND (gap_at != 0 OR read_at = 0 OR read_at > ?1 - ?5)",
            "iiiii", n->now.wall_ms, (int64_t)READ_BREAK_MS, logs[i], (int64_t)READ_NOTED_MS, GAP_AWAY_MS);
    }
    return st;
}

/* ---- beacons in a gap ---- */

enum status group_gap_nonce(struct node *n, const struct group *g, uint8_t out[static BEACON_NONCE_LEN],
                            bool *asks)
{
    struct query q;
    *asks = false;
    memset(out, 0, BEACON_NONCE_LEN);
    if (!g->gap) {
        return ST_OK;
    }
    query_start(&q, &n->sql, "SELECT gap_nonce FROM mls_group WHERE id = ? AND gap_nonce IS NOT NULL", "i",
                g->id);
    if (query_next(&q)) {
        query_fixed(&q, 0, out, BEACON_NONCE_LEN);
        *asks = true;
    }
    return query_end(&q);
}

/* A beacon made before the gap says nothing of what was first since, however late it comes. */
static enum status counts(struct node *n, const struct group *g, const struct beacon *b, bool *yes)
{
    struct relay_incarnation now;
    uint8_t nonce[BEACON_NONCE_LEN];
    bool asked = false;
    enum status st = logs_incarnation(n, g->relay, &now);
    if (st == ST_OK) {
        st = group_gap_nonce(n, g, nonce, &asked);
    }
    bool answers = !asked || (b->answers && memcmp(b->nonce, nonce, sizeof(nonce)) == 0);
    *yes = st == ST_OK && answers && ID_EQUAL(&now, &b->incarnation);
    return st;
}

/* Which of the others has told since the gap, and where it stands. */
static enum status look_around(struct node *n, const struct group *g, bool *all, bool *ahead)
{
    struct mls_member m;
    enum status st = ST_OK;
    *all = true;
    *ahead = false;
    for (uint32_t at = 0; st == ST_OK && mls_group_next_member(g->mls, &at, &m);) {
        int64_t epoch = -1;
        if (m.leaf == mls_group_own_leaf(g->mls)) {
            continue;
        }
        st = sql_number(&n->sql, &epoch, -1, "SELECT gap_epoch FROM beacon WHERE grp = ? AND device = ?",
                        "ib", g->id, m.key);
        *all = *all && epoch >= 0;
        *ahead = *ahead || epoch > (int64_t)g->epoch;
    }
    return st;
}

/* Whoever goes on may be in the next epoch before it has told in this one, where the others wait for that. */
static enum status tell_first(struct node *n, struct group *g)
{
    int64_t untold = 0;
    enum status st =
        sql_number(&n->sql, &untold, 0, "SELECT have_at < gap_at + ? FROM mls_group WHERE id = ?", "ii",
                   (int64_t)GAP_TOLD_WITHIN_MS, g->id);
    return st == ST_OK && untold != 0 ? journal_tell(n, g) : st;
}

static enum status end_gap(struct node *n, struct group *g)
{
    bool all = false, ahead = false;
    enum status st = look_around(n, g, &all, &ahead);
    if (st == ST_OK && ahead) {
        return group_stuck(n, g,
                           "others went on while this device could not see how: it asks to be added again");
    }
    if (st != ST_OK || !all) {
        return st;
    }
    st = tell_first(n, g);
    if (st != ST_OK) {
        return st;
    }
    g->gap = false;
    g->touched = true;
    st = sql_run(&n->sql,
                 "UPDATE mls_group SET gap_at = 0, gap_nonce = NULL, gap_told = 0, dirty = 1 WHERE id = ?",
                 "i", g->id);
    if (st == ST_OK) {
        st = evidence_forget(n, g); /* it comes again, with its place in the log as it is now */
    }
    return st == ST_OK ? logs_reread(n, g->log) : st;
}

enum status group_gap_beacon(struct node *n, struct group *g, const struct device_id *from,
                             const struct beacon *b, bool same)
{
    bool yes = false;
    if (!g->gap) {
        return ST_OK;
    }
    enum status st = counts(n, g, b, &yes);
    if (st != ST_OK || !yes || !(same || b->epoch > g->epoch)) {
        return st;
    }
    st = sql_run(&n->sql, "UPDATE beacon SET gap_epoch = ? WHERE grp = ? AND device = ?", "iib",
                 (int64_t)b->epoch, g->id, SPAN_ID(from));
    return st == ST_OK ? end_gap(n, g) : st;
}

/* ---- telling ---- */

enum status group_gap_text(struct node *n, struct group *g, char *out, size_t cap)
{
    struct mls_member m;
    struct device_id device;
    struct buffer why;
    char name[WIRE_NAME_MAX + 1];
    bool found = false, first = true;
    int64_t since = 0;
    buffer_init(&why, 256);
    enum status st = sql_number(&n->sql, &since, 0, "SELECT gap_at FROM mls_group WHERE id = ?", "i", g->id);
    if (st == ST_OK) {
        st = sql_bytes(&n->sql, &why, &found, "SELECT gap_why FROM mls_group WHERE id = ?", "i", g->id);
    }
    bool missing = since <= n->now.wall_ms - GAP_MISSING_MS;
    sqlite3_snprintf((int)cap, out, "%s%.*s; %s", missing ? "stuck: " : "waiting: ", (int)why.len,
                     why.len ? (const char *)why.ptr : "", missing ? "no word for a day from" : "asks");
    for (uint32_t at = 0; st == ST_OK && mls_group_next_member(g->mls, &at, &m);) {
        int64_t epoch = -1;
        if (m.leaf == mls_group_own_leaf(g->mls) || m.key.len != sizeof(device.b)) {
            continue;
        }
        memcpy(device.b, m.key.ptr, sizeof(device.b));
        st = sql_number(&n->sql, &epoch, -1, "SELECT gap_epoch FROM beacon WHERE grp = ? AND device = ?",
                        "ib", g->id, m.key);
        if (st == ST_OK && epoch < 0) {
            size_t len = strlen(out);
            st = device_name(n, &device, name, sizeof(name));
            sqlite3_snprintf((int)(cap - len), out + len, "%s%s", first ? " " : ", ", name);
            first = false;
        }
    }
    buffer_wipe(&why);
    return st;
}

/* A member that has not told for a day may never tell: the person hears of it once, `status` says it. */
static enum status tell_missing(struct node *n)
{
    char text[512];
    int64_t id = 0, next = 0;
    struct group *g = NULL;
    enum status st = sql_number(&n->sql, &id, 0,
                                "SELECT id FROM mls_group WHERE state = 1 AND gap_at != 0 AND gap_told = 0"
                                " AND gap_at <= ?",
                                "i", n->now.wall_ms - GAP_MISSING_MS);
    if (st == ST_OK && id != 0) {
        st = group_get(n, id, &g);
        if (st == ST_OK) {
            st = group_gap_text(n, g, text, sizeof(text));
        }
        if (st == ST_OK) {
            st = node_notice(n, NOTICE_STUCK, "", text, &g->scope);
        }
        if (st == ST_OK) {
            st = sql_run(&n->sql, "UPDATE mls_group SET gap_told = 1 WHERE id = ?", "i", id);
        }
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &next, 0,
                        "SELECT min(gap_at) FROM mls_group WHERE state = 1 AND gap_at != 0 AND gap_told = 0",
                        "");
    }
    if (st == ST_OK && next != 0) {
        node_wake_wall(n, next + GAP_MISSING_MS);
    }
    return st;
}

enum status groups_gaps_due(struct node *n)
{
    enum status st = begin_all(n,
                               "SELECT id FROM mls_group WHERE state = 1 AND gap_at = 0 AND read_at != 0 AND"
                               " read_at < ?",
                               n->now.wall_ms - GAP_AWAY_MS, GAP_AWAY);
    return st == ST_OK ? tell_missing(n) : st;
}
