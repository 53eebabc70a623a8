/* SPDX-License-Identifier: Apache-2.0 */
/* A device that cannot follow its group asks a member to replace its leaf by a fresh one (§5.4); and the
 * `have`s and beacons that tell it in time, once a day by letter. */
#include "sync/readd.h"
#include "sync/relay_away.h"

#include "device/authorize.h"
#include "sync/family.h"
#include "sync/journal.h"
#include "sync/readd_often.h"
#include "sync/removal.h"
#include "sync/succession.h"

enum readd_limits {
    ASK_TOLD_MS = 60 * 1000, /* … and so soon with a leaf that a member told */
    ASK_TOLD_MAX = 12, /* as long as it has not asked so often: members may tell now this and now that */
    BEACON_MS = 24 * 3600 * 1000,
    TELL_AGAIN_MS = 3600 * 1000,
    ANSWER_AGAIN_MS = 60 * 1000, /* a member that asks again and again gets so many answers */
    TELL_AFTER_MS = 60 * 1000,   /* just after a commit everybody is behind for a moment */
    BEHIND_MS = 24 * 3600 * 1000 /* so long may a member lag behind another's beacon, §5.4 */
};

/* How long after it asked last a group asks again: 10 minutes, twice as long each time, at most 6 hours. Each
 * time is a key package made, and a letter to every member. */
#define ASK_AFTER "min(21600000, 600000 << min(max(asks - 1, 0), 8))"

/* ---- letters to the members of a group ---- */

enum status readd_box_of(struct node *n, const struct device_certificate *c, struct buffer *box, bool *found)
{
    if (ID_EQUAL(&c->who.family, &n->self.family)) {
        return device_box_of(n, &c->device, NULL, box, found);
    }
    return sql_bytes(&n->sql, box, found,
                     "SELECT their_box FROM contact WHERE person = ? AND family = ? AND other = ? AND "
                     "their_box IS NOT NULL",
                     "bbb", SPAN_ID(&n->self.person), SPAN_ID(&c->who.family), SPAN_ID(&c->who.person));
}

enum status letters_to_members(struct node *n, struct group *g, enum letterbox_message_type type,
                               struct span body, const struct device_id *except)
{
    struct device_certificate c;
    struct person_ref told[WIRE_LEAVES_MAX];
    size_t told_count = 0;
    enum status st = ST_OK;
    for (uint32_t at = 0; st == ST_OK && group_next(g, &at, &c);) {
        struct buffer box;
        bool found = false,
             again = ID_EQUAL(&c.device, &n->self.device) || (except && ID_EQUAL(&c.device, except));
        for (size_t i = 0; i < told_count; i++) {
            again =
                again || (person_ref_equal(&told[i], &c.who) && !ID_EQUAL(&c.who.family, &n->self.family));
        }
        buffer_init(&box, LETTERBOX_MAX);
        st = again ? ST_OK : readd_box_of(n, &c, &box, &found);
        if (st == ST_OK && found && box.len != 0) {
            struct letter l = {.type = type, .box = buffer_span(&box), .to = c.who, .body = body};
            st = letter_send(n, &l);
            told[told_count++] = c.who;
        }
        buffer_wipe(&box);
    }
    return st;
}

/* ---- asking ---- */

bool readd_own_leaf(const struct group *g, uint8_t out[static HASH_LEN])
{
    struct mls_member m;
    uint32_t at = mls_group_own_leaf(g->mls);
    if (!mls_group_next_member(g->mls, &at, &m) || m.leaf != mls_group_own_leaf(g->mls)) {
        return false;
    }
    hash_bytes(m.leaf_node, out);
    return true;
}

/* Whoever gets the request may use it whenever they like, also when this device is there already. Zeros name
 * no leaf. */
static enum status note_asked(struct node *n, const struct readd_request *q)
{
    static const uint8_t none[HASH_LEN];
    return memcmp(q->old_leaf_hash, none, HASH_LEN) == 0
               ? ST_OK
               : sql_run(&n->sql, "INSERT OR REPLACE INTO asked_leaf VALUES(?,?,?,?)", "bibi",
                         SPAN_ID(&q->scope), (int64_t)q->generation, SPAN(q->old_leaf_hash), n->now.wall_ms);
}

enum status readd_asked(struct node *n, const struct group *g, const uint8_t leaf[static HASH_LEN],
                        bool *asked)
{
    int64_t rows = 0;
    enum status st = sql_number(
        &n->sql, &rows, 0, "SELECT count(*) FROM asked_leaf WHERE scope = ? AND generation = ? AND leaf = ?",
        "bib", SPAN_ID(&g->scope), (int64_t)g->generation, ((struct span){leaf, HASH_LEN}));
    *asked = st == ST_OK && rows != 0;
    return st;
}

enum status readd_request_make(struct node *n, struct readd_request *q, struct buffer *out)
{
    struct buffer message;
    struct writer w;
    q->device = n->self.device;
    buffer_init(&message, WIRE_KEY_PACKAGE_MAX + 16);
    enum status st = key_package_message(q->key_package, &message);
    if (st == ST_OK) {
        st = authorize_key_package_hash(buffer_span(&message), q->key_package_hash);
    }
    if (st == ST_OK) {
        st = readd_request_sign(q, &n->self.key);
    }
    if (st == ST_OK) {
        st = note_asked(n, q);
    }
    if (st == ST_OK) {
        writer_init(&w, out);
        st = readd_request_encode(&w, q);
    }
    buffer_wipe(&message);
    return st;
}

/* The leaf that the others have: as a member told, else as this device's tree says. */
static enum status leaf_to_name(struct node *n, const struct group *g, uint8_t out[static HASH_LEN])
{
    struct query q;
    bool told = false;
    query_start(&q, &n->sql, "SELECT told_leaf FROM mls_group WHERE id = ? AND told_leaf IS NOT NULL", "i",
                g->id);
    if (query_next(&q)) {
        query_fixed(&q, 0, out, HASH_LEN);
        told = true;
    }
    enum status st = query_end(&q);
    return st == ST_OK && !told && !readd_own_leaf(g, out) ? ST_STORE_ROW : st;
}

/* A commit of its own that it never saw win has replaced its leaf for the others. */
enum status readd_leaf_told(struct node *n, const struct leaf_told *told, const struct device_id *from)
{
    struct group *g = NULL;
    enum status st = group_of_scope(n, &told->scope, &g);
    if (st == ST_GROUP_NOT_HERE) {
        return ST_OK;
    }
    if (st != ST_OK || g->state != GROUP_STUCK || g->generation != told->generation ||
        !group_has_device(g, from, NULL)) {
        return st;
    }
    /* Asked again within the minute, and not at once: whoever tells now this and now that gets no storm. */
    st =
        sql_run(&n->sql,
                "UPDATE mls_group SET told_leaf = ?2, asked_at = iif(asks < ?4, min(asked_at, ?3 - " ASK_AFTER
                "), asked_at) WHERE id = ?1 AND told_leaf IS NOT ?2",
                "ibii", g->id, SPAN(told->leaf_hash), n->now.wall_ms + ASK_TOLD_MS, (int64_t)ASK_TOLD_MAX);
    node_wake_wall(n, n->now.wall_ms + ASK_TOLD_MS);
    return st;
}

static enum status ask(struct node *n, struct group *g)
{
    static const struct device_id anybody;
    struct buffer package, body;
    struct readd_request q = {.scope = g->scope, .generation = g->generation};
    buffer_init(&package, WIRE_KEY_PACKAGE_MAX);
    buffer_init(&body, EVIDENCE_RECORD_MAX);
    enum status st = leaf_to_name(n, g, q.old_leaf_hash);
    if (st == ST_OK) {
        st = key_package_make(n, &anybody, false, &package);
    }
    q.key_package = buffer_span(&package);
    if (st == ST_OK) {
        st = readd_request_make(n, &q, &body);
    }
    if (st == ST_OK) {
        st = letters_to_members(n, g, LETTERBOX_READD, buffer_span(&body), NULL);
    }
    buffer_wipe(&package);
    buffer_wipe(&body);
    return st;
}

static enum status ask_all(struct node *n)
{
    enum { AT_ONCE = 16 };
    int64_t ids[AT_ONCE], next = 0;
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql,
                "SELECT id FROM mls_group WHERE state = 2 AND asked_at + " ASK_AFTER " <= ? LIMIT 16", "i",
                n->now.wall_ms);
    while (count < AT_ONCE && query_next(&q)) {
        ids[count++] = query_int(&q, 0);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct group *g = NULL;
        st = group_get(n, ids[i], &g);
        if (st == ST_OK) {
            st = ask(n, g);
        }
        if (st == ST_OK) {
            st = sql_run(&n->sql, "UPDATE mls_group SET asked_at = ?, asks = asks + 1 WHERE id = ?", "ii",
                         n->now.wall_ms, ids[i]);
        }
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &next, 0,
                        "SELECT min(asked_at + " ASK_AFTER ") FROM mls_group WHERE state = 2", "");
    }
    if (st == ST_OK && next != 0) {
        node_wake_wall(n, next);
    }
    return st;
}

/* ---- being asked ---- */

bool readd_names_leaf(struct node *n, const struct group *g, const struct readd_request *q, uint32_t *leaf,
                      struct person_ref *who)
{
    struct mls_member m;
    struct device_certificate c;
    uint8_t hash[HASH_LEN];
    for (uint32_t at = 0; mls_group_next_member(g->mls, &at, &m);) {
        hash_bytes(m.leaf_node, hash);
        if (memcmp(hash, q->old_leaf_hash, HASH_LEN) == 0 &&
            device_certificate_decode(&c, m.identity) == ST_OK && ID_EQUAL(&c.device, &q->device) &&
            !revocation_known(n, &c.device)) {
            *leaf = m.leaf;
            *who = c.who;
            return true;
        }
    }
    return false;
}

enum status readd_tell_leaf(struct node *n, struct group *g, const struct device_id *device)
{
    struct mls_member m;
    struct device_certificate c;
    struct buffer box, body;
    struct writer w;
    bool found = false, here = false;
    struct leaf_told told = {.scope = g->scope, .generation = g->generation, .device = *device};
    for (uint32_t at = 0; !here && mls_group_next_member(g->mls, &at, &m);) {
        here = device_certificate_decode(&c, m.identity) == ST_OK && ID_EQUAL(&c.device, device) &&
               !revocation_known(n, device);
    }
    if (!here) {
        return ST_GROUP_NOT_HERE;
    }
    hash_bytes(m.leaf_node, told.leaf_hash);
    buffer_init(&box, LETTERBOX_MAX);
    buffer_init(&body, 128);
    writer_init(&w, &body);
    enum status st = readd_box_of(n, &c, &box, &found);
    if (st == ST_OK) {
        st = leaf_told_encode(&w, &told);
    }
    if (st == ST_OK && found && box.len != 0) {
        struct letter l = {LETTERBOX_LEAF, buffer_span(&box), c.who, buffer_span(&body)};
        st = letter_send(n, &l);
    }
    buffer_wipe(&box);
    buffer_wipe(&body);
    return st;
}

enum status letter_readd(struct node *n, const struct received_letter *l)
{
    struct readd_request q;
    struct group *g = NULL;
    struct person_ref who;
    uint32_t leaf = 0;
    bool wanted = false, often = false;
    enum status st = readd_request_decode(&q, l->m->body);
    if (st == ST_OK) {
        st = readd_request_verify(&q);
    }
    if (st == ST_OK && !ID_EQUAL(&q.device, &l->from.device)) {
        st = ST_LETTERBOX_SENDER;
    }
    if (st == ST_OK) {
        st = group_of_scope(n, &q.scope, &g);
    }
    if (st == ST_OK) {
        st = succession_wanted(n, &q.scope, &wanted);
    }
    if (st == ST_OK && g->generation == q.generation && (wanted || g->state == GROUP_STUCK)) {
        return succession_keep_package(n, g, &q);
    }
    if (st == ST_OK && g->state != GROUP_ACTIVE) {
        st = ST_GROUP_NOT_HERE;
    }
    if (st == ST_OK && (g->generation != q.generation || !readd_names_leaf(n, g, &q, &leaf, &who))) {
        return readd_tell_leaf(n, g, &q.device);
    }
    if (st == ST_OK) {
        st = readd_too_often(n, g, &q.device, &often);
    }
    if (st != ST_OK || often) {
        return st;
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "INSERT OR REPLACE INTO readd VALUES(?,?,?,?)", "ibbi", g->id,
                     SPAN_ID(&q.device), l->m->body, n->now.wall_ms + node_random_below(n, 2000));
    }
    return st == ST_OK ? sql_run(&n->sql, "UPDATE mls_group SET dirty = 1 WHERE id = ?", "i", g->id) : st;
}

/* The request as evidence: without the key package, which the commit carries itself. */
static enum status add_evidence(struct plan *p, const struct readd_request *q)
{
    struct readd_request bare = *q;
    struct buffer body;
    struct writer w;
    bare.key_package = SPAN_EMPTY;
    buffer_init(&body, EVIDENCE_RECORD_MAX);
    writer_init(&w, &body);
    enum status st = readd_request_encode(&w, &bare);
    if (st == ST_OK) {
        st = plan_evidence(p, EVIDENCE_READD, buffer_span(&body));
    }
    buffer_wipe(&body);
    return st;
}

static enum status plan_one(struct node *n, struct group *g, struct plan *p, const struct readd_request *q)
{
    struct device_certificate c = {.device = q->device};
    size_t at = p->add_count;
    uint32_t leaf = 0;
    bool found = false;
    if (at == GROUP_ADDS_MAX || !readd_names_leaf(n, g, q, &leaf, &c.who)) {
        return ST_OK;
    }
    enum status st = readd_box_of(n, &c, &p->boxes[at], &found);
    if (st != ST_OK || !found) {
        return st;
    }
    st = key_package_message(q->key_package, &p->packages[at]);
    if (st == ST_OK) {
        st = add_evidence(p, q);
    }
    p->adds[at] = (struct group_add){buffer_span(&p->packages[at]), c.who, buffer_span(&p->boxes[at])};
    p->add_count++;
    p->removes[p->remove_count++] = leaf;
    return st;
}

/* Has a third person committed since they came? */
static bool has_third(const struct group *g, const struct person_ref *by, const struct person_ref *whom)
{
    struct mls_member m;
    struct device_certificate c;
    for (uint32_t at = 0; mls_group_next_member(g->mls, &at, &m);) {
        if (device_certificate_decode(&c, m.identity) == ST_OK && !person_ref_equal(&c.who, by) &&
            !person_ref_equal(&c.who, whom) && !authorize_leaf_is_fresh(m.leaf_node)) {
            return true;
        }
    }
    return false;
}

/* Would a commit that adds it again be void now? Then somebody else makes it, or this one in a later epoch.
 */
static enum status readd_waits(struct node *n, struct group *g, const struct readd_request *q, bool *waits)
{
    struct person_ref authors[ADMISSION_AUTHORS_MAX], persons[WIRE_LEAVES_MAX], self = self_person(n), whom;
    struct authorize_race race = {.authors = authors, .by = &self};
    struct mls_member m;
    uint32_t leaf = 0;
    enum status st = group_authors(n, g, authors, &race.author_count);
    race.persons = group_persons(g, persons, WIRE_LEAVES_MAX);
    *waits = false;
    if (st == ST_OK && readd_names_leaf(n, g, q, &leaf, &whom)) {
        *waits = mls_group_next_member(g->mls, &leaf, &m) &&
                 authorize_readd_waits(&race, &whom, m.leaf_node, has_third(g, &self, &whom));
    }
    return st;
}

/* The first that is due behind `after`, which it becomes. */
static enum status next_due(struct node *n, const struct group *g, struct device_id *after,
                            struct buffer *body, bool *found)
{
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT device, request FROM readd WHERE grp = ? AND due_at <= ? AND device > ? ORDER BY device"
        " LIMIT 1",
        "iib", g->id, n->now.wall_ms, SPAN_ID(after));
    *found = query_next(&q);
    if (*found) {
        QUERY_ID(&q, 0, after);
        query_fail(&q, buffer_copy(body, query_blob(&q, 1)));
    }
    return query_end(&q);
}

/* The first due request that need not wait: into the plan, and forgotten. */
static enum status plan_due(struct node *n, struct group *g, struct plan *p)
{
    struct buffer body;
    struct readd_request q;
    struct device_id at = {{0}};
    bool found = true, waits = true;
    enum status st = ST_OK;
    buffer_init(&body, EVIDENCE_RECORD_MAX);
    while (st == ST_OK && found && waits) {
        st = next_due(n, g, &at, &body, &found);
        if (st == ST_OK && found) {
            st = readd_request_decode(&q, buffer_span(&body));
        }
        if (st == ST_OK && found) {
            st = readd_waits(n, g, &q, &waits);
        }
    }
    if (st == ST_OK && found) {
        st = plan_one(n, g, p, &q);
    }
    if (st == ST_OK && found) {
        st = sql_run(&n->sql, "DELETE FROM readd WHERE grp = ? AND device = ?", "ib", g->id,
                     SPAN_ID(&q.device));
    }
    buffer_wipe(&body);
    return st;
}

enum status readd_plan(struct node *n, struct group *g, struct plan *p)
{
    int64_t next = 0;
    enum status st = plan_due(n, g, p);
    if (st == ST_OK) { /* those that wait are looked at again when the epoch ends */
        st = sql_number(&n->sql, &next, 0, "SELECT min(due_at) FROM readd WHERE grp = ? AND due_at > ?", "ii",
                        g->id, n->now.wall_ms);
    }
    if (st == ST_OK && next != 0) {
        p->later = true;
        node_wake_wall(n, next);
    }
    return st;
}

/* ---- beacons by letter, and who lags behind ---- */

static enum status send_beacons(struct node *n)
{
    enum { AT_ONCE = 32 };
    int64_t ids[AT_ONCE], next = 0;
    size_t count = 0;
    struct query q;
    /* A group's first is a day after it came here: until then its `have` says the same. */
    enum status first =
        sql_run(&n->sql, "UPDATE mls_group SET beacon_at = ? WHERE state != 3 AND beacon_at = 0", "i",
                n->now.wall_ms + BEACON_MS - node_random_below(n, BEACON_MS / 8));
    if (first != ST_OK) {
        return first;
    }
    query_start(&q, &n->sql, "SELECT id FROM mls_group WHERE state != 3 AND beacon_at <= ? LIMIT 32", "i",
                n->now.wall_ms);
    while (count < AT_ONCE && query_next(&q)) {
        ids[count++] = query_int(&q, 0);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct group *g = NULL;
        struct buffer have;
        buffer_init(&have, GROUP_MESSAGE_MAX);
        st = group_get(n, ids[i], &g);
        if (st == ST_OK) {
            st = journal_have_letter(n, g, &have);
        }
        if (st == ST_OK) {
            st = letters_to_members(n, g, LETTERBOX_HAVE, buffer_span(&have), NULL);
        }
        if (st == ST_OK) {
            st = sql_run(&n->sql, "UPDATE mls_group SET beacon_at = ? WHERE id = ?", "ii",
                         n->now.wall_ms + BEACON_MS - node_random_below(n, BEACON_MS / 8), ids[i]);
        }
        buffer_wipe(&have);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &next, 0, "SELECT min(beacon_at) FROM mls_group WHERE state != 3", "");
    }
    if (st == ST_OK && next != 0) {
        node_wake_wall(n, next);
    }
    return st;
}

enum status readd_beacon_to(struct node *n, struct group *g, const struct device_id *device,
                            enum letterbox_message_type type, const uint8_t *answer, bool *sent)
{
    struct device_certificate c;
    struct buffer box, beacon;
    bool member = false;
    *sent = false;
    for (uint32_t at = 0; !member && group_next(g, &at, &c);) {
        member = ID_EQUAL(&c.device, device);
    }
    buffer_init(&box, LETTERBOX_MAX);
    buffer_init(&beacon, 1024);
    enum status st = member ? readd_box_of(n, &c, &box, sent) : ST_OK;
    *sent = st == ST_OK && *sent && box.len != 0;
    if (*sent) {
        st = group_beacon(n, g, answer, &beacon);
        struct letter l = {.type = type, .box = buffer_span(&box), .to = c.who, .body = buffer_span(&beacon)};
        if (st == ST_OK) {
            st = letter_send(n, &l);
        }
    }
    buffer_wipe(&box);
    buffer_wipe(&beacon);
    return st;
}

enum status readd_tell_behind(struct node *n, struct group *g, const struct device_id *device)
{
    int64_t told = 0, began = 0;
    bool sent = false;
    enum status st = sql_number(&n->sql, &told, 0, "SELECT told_at FROM beacon WHERE grp = ? AND device = ?",
                                "ib", g->id, SPAN_ID(device));
    if (st == ST_OK) {
        st = sql_number(&n->sql, &began, 0, "SELECT began_at FROM epoch WHERE grp = ? AND epoch = ?", "ii",
                        g->id, (int64_t)g->epoch);
    }
    if (st != ST_OK || told > n->now.wall_ms - TELL_AGAIN_MS || began > n->now.wall_ms - TELL_AFTER_MS) {
        return st;
    }
    st = readd_beacon_to(n, g, device, LETTERBOX_BEACON, NULL, &sent);
    return st == ST_OK ? sql_run(&n->sql, "UPDATE beacon SET told_at = ? WHERE grp = ? AND device = ?", "iib",
                                 n->now.wall_ms, g->id, SPAN_ID(device))
                       : st;
}

/* Who asked for our beacon gets it with their nonce: in the group when they stand where we stand, by letter
 * when they would not read it there. */
static enum status answer_one(struct node *n, struct group *g, const struct device_id *device,
                              const uint8_t *nonce, bool beside)
{
    bool sent = false;
    enum status st = ST_OK;
    if (!beside || g->state != GROUP_ACTIVE) {
        st = readd_beacon_to(n, g, device, LETTERBOX_BEACON, nonce, &sent);
    }
    if (st == ST_OK && !sent && g->state == GROUP_ACTIVE) {
        st = journal_answer(n, g, nonce);
    }
    return st == ST_OK ? sql_run(&n->sql,
                                 "UPDATE beacon SET ask = NULL, answered_at = ? WHERE grp = ? AND device = ?",
                                 "iib", n->now.wall_ms, g->id, SPAN_ID(device))
                       : st;
}

/* Once a minute; where everybody waits for somebody else for longer than an hour, as seldom as all else. */
#define ANSWER_DUE "(b.answered_at + CASE WHEN g.gap_at = 0 OR g.gap_at > ?4 THEN ?2 ELSE ?3 END)"

struct asking {
    int64_t grp, epoch;
    struct device_id device;
    uint8_t nonce[BEACON_NONCE_LEN];
};

static enum status answer_askers(struct node *n)
{
    enum { AT_ONCE = 32 };
    struct asking asking[AT_ONCE];
    size_t count = 0;
    int64_t next = 0;
    struct query q;
    query_start(&q, &n->sql,
                "SELECT b.grp, b.device, b.ask, b.epoch FROM beacon b JOIN mls_group g ON g.id = b.grp WHERE"
                " b.ask IS NOT NULL AND " ANSWER_DUE " <= ?1 AND g.state != 3 LIMIT 32",
                "iiii", n->now.wall_ms, (int64_t)ANSWER_AGAIN_MS, (int64_t)JOURNAL_HAVE_LONG_GAP_MS,
                n->now.wall_ms - JOURNAL_GAP_LASTS_MS);
    while (count < AT_ONCE && query_next(&q)) {
        asking[count].grp = query_int(&q, 0);
        QUERY_ID(&q, 1, &asking[count].device);
        query_fixed(&q, 2, asking[count].nonce, BEACON_NONCE_LEN);
        asking[count++].epoch = query_int(&q, 3);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct group *g = NULL;
        st = group_get(n, asking[i].grp, &g);
        if (st == ST_OK) {
            st = answer_one(n, g, &asking[i].device, asking[i].nonce, asking[i].epoch == (int64_t)g->epoch);
        }
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &next, 0,
                        "SELECT min(" ANSWER_DUE
                        ") FROM beacon b JOIN mls_group g ON g.id = b.grp WHERE b.ask IS"
                        " NOT NULL AND g.state != 3",
                        "iiii", n->now.wall_ms, (int64_t)ANSWER_AGAIN_MS, (int64_t)JOURNAL_HAVE_LONG_GAP_MS,
                        n->now.wall_ms - JOURNAL_GAP_LASTS_MS);
    }
    if (st == ST_OK && next != 0) {
        node_wake_wall(n, next);
    }
    return st;
}

/* A peer is ahead and this device has not caught up for a day: a commit is being withheld, or its log is
 * gone. */
static enum status judge_behind(struct node *n)
{
    int64_t id = 0;
    struct group *g = NULL;
    enum status st =
        sql_number(&n->sql, &id, 0,
                   "SELECT g.id FROM mls_group g WHERE g.state = 1 AND EXISTS (SELECT 1 FROM beacon b WHERE"
                   " b.grp = g.id AND b.epoch > g.epoch AND b.ahead_since != 0 AND b.ahead_since < ?)",
                   "i", n->now.wall_ms - BEHIND_MS);
    if (st != ST_OK || id == 0) {
        return st;
    }
    st = group_get(n, id, &g);
    if (st == ST_OK) {
        st = sql_run(&n->sql, "UPDATE mls_group SET behind = 1 WHERE id = ?", "i", g->id);
    }
    if (st == ST_OK) {
        st = node_alarm(n, "", "others are ahead by a change that the relay did not show for a day",
                        &g->scope);
    }
    return st == ST_OK ? group_stuck(n, g, "others are ahead: this device asks to be added again") : st;
}

/* A word is no proof: that others stood in a later epoch than this device, the one in which it is added again
 * shows, which is one more. And a contact can make a later one without showing it to the relay. */
enum status readd_was_behind(struct node *n, const struct group *old, uint64_t epoch)
{
    int64_t behind = 0;
    enum status st =
        sql_number(&n->sql, &behind, 0, "SELECT behind FROM mls_group WHERE id = ?", "i", old->id);
    bool proven = behind != 0 && epoch > old->epoch + 1 && old->kind != SCOPE_CONVERSATION;
    return st == ST_OK && proven ? relay_trouble_at(n, old->relay) : st;
}

enum status readd_due(struct node *n)
{
    enum status st = judge_behind(n);
    if (st == ST_OK) {
        st = ask_all(n);
    }
    if (st == ST_OK) {
        st = answer_askers(n);
    }
    return st == ST_OK ? send_beacons(n) : st;
}
