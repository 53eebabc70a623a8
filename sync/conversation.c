/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations of two: founded, joined, kept with the right devices. What is said: messages.c. */
#include "sync/conversation.h"

#include "device/certificates.h"
#include "device/roster.h"
#include "protocol/hlc.h"
#include "sync/contact_internal.h"
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/history.h"
#include "sync/key_packages.h"
#include "sync/plan.h"
#include "sync/readd.h"
#include "sync/reconcile.h"
#include "sync/removal.h"
#include "sync/restore.h"

enum conversation_limits {
    WISH_KEPT_MS = 24 * 3600 * 1000,
    FOUND_NEXT_MS = 3600 * 1000, /* the next device founds after an hour, §5.2 */
    FOUND_AGAIN_MS = 30 * 1000
};

/* ---- wishes ---- */

/* A yes from before this device came, learnt by repair: the person's other devices have seen to it. */
static enum status is_old_news(struct node *n, const struct conversation_wish *w, bool *old)
{
    struct family_device devices[WIRE_DEVICES_MAX];
    struct scope_id own;
    int64_t serial = 0, joined = 0;
    size_t count = 0;
    enum status st = family_devices(n, &w->mine.person, devices, WIRE_DEVICES_MAX, &count);
    if (st == ST_OK) {
        st = scope_id_of_person(SCOPE_OWN, &w->mine.person, &own);
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &joined, INT64_MAX, "SELECT min(founded_at) FROM mls_group WHERE scope = ?",
                        "b", SPAN_ID(&own));
    }
    if (st == ST_OK) {
        st = sql_number(
            &n->sql, &serial, INT64_MAX,
            "SELECT max(serial) FROM permit WHERE child_family = ? AND child = ? AND contact_family = ?"
            " AND contact = ?",
            "bbbb", SPAN_ID(&w->mine.family), SPAN_ID(&w->mine.person), SPAN_ID(&w->other.family),
            SPAN_ID(&w->other.person));
    }
    *old = count > 1 && serial != INT64_MAX && hlc_ms((uint64_t)serial) < joined;
    return st;
}

enum status conversation_want(struct node *n, const struct conversation_wish *w)
{
    char name[WIRE_NAME_MAX + 1];
    struct scope_id scope;
    sqlite3_snprintf(sizeof(name), name, "%.*s", (int)w->name.len, (const char *)w->name.ptr);
    bool old = false;
    enum status st = scope_id_of_pair(&w->mine, &w->other, &scope);
    if (st == ST_OK) {
        st = is_old_news(n, w, &old);
    }
    if (st == ST_OK && !old) {
        st = sql_run(&n->sql, "INSERT OR REPLACE INTO conversation_wish VALUES(?,?,?,?,?,?,?,?,?)",
                     "bbbtibbbi", SPAN_ID(&w->mine.person), SPAN_ID(&w->other.family),
                     SPAN_ID(&w->other.person), name, (int64_t)w->supervised, w->key_package, w->certificate,
                     w->box, n->now.wall_ms);
    }
    if (st == ST_OK) {
        struct contact_set c = {.mine = w->mine,
                                .other = w->other,
                                .name = name,
                                .supervised = w->supervised,
                                .state = CONTACT_FOUNDING,
                                .scope = scope};
        st = contact_put(n, &c);
    }
    return st;
}

struct wanted { /* a row of conversation_wish */
    struct person_ref mine, other;
    char name[WIRE_NAME_MAX + 1];
    bool supervised;
    struct buffer key_package, certificate, box;
    int64_t at_ms;
};

static void wanted_wipe(struct wanted *w)
{
    buffer_wipe(&w->key_package);
    buffer_wipe(&w->certificate);
    buffer_wipe(&w->box);
}

static enum status load_wanted(struct node *n, size_t skip, struct wanted *w, bool *found)
{
    struct query q;
    buffer_init(&w->key_package, WIRE_KEY_PACKAGE_MAX);
    buffer_init(&w->certificate, WIRE_CERTIFICATE_MAX);
    buffer_init(&w->box, LETTERBOX_MAX);
    query_start(
        &q, &n->sql,
        "SELECT family, other, name, supervised, key_package, certificate, box, at_ms FROM conversation_wish"
        " WHERE person = ? ORDER BY at_ms LIMIT 1 OFFSET ?",
        "bi", SPAN_ID(&n->self.person), (int64_t)skip);
    *found = query_next(&q);
    if (*found) {
        w->mine = self_person(n);
        QUERY_ID(&q, 0, &w->other.family);
        QUERY_ID(&q, 1, &w->other.person);
        sqlite3_snprintf(sizeof(w->name), w->name, "%s", query_text(&q, 2));
        w->supervised = query_int(&q, 3) != 0;
        query_fail(&q, buffer_append(&w->key_package, query_blob(&q, 4)));
        query_fail(&q, buffer_append(&w->certificate, query_blob(&q, 5)));
        query_fail(&q, buffer_append(&w->box, query_blob(&q, 6)));
        w->at_ms = query_int(&q, 7);
    }
    return query_end(&q);
}

enum status conversation_unwant(struct node *n, const struct person_ref *mine, const struct person_ref *other)
{
    return sql_run(&n->sql, "DELETE FROM conversation_wish WHERE person = ? AND family = ? AND other = ?",
                   "bbb", SPAN_ID(&mine->person), SPAN_ID(&other->family), SPAN_ID(&other->person));
}

static enum status drop_wanted(struct node *n, const struct wanted *w)
{
    return conversation_unwant(n, &w->mine, &w->other);
}

/* This person's devices in the order of their ids: the first founds at once, each next an hour later. */
static enum status my_turn(struct node *n, const struct wanted *w, bool *now)
{
    struct family_device devices[WIRE_DEVICES_MAX];
    size_t count = 0, rank = 0;
    enum status st = family_devices(n, &n->self.person, devices, WIRE_DEVICES_MAX, &count);
    while (rank < count && !ID_EQUAL(&devices[rank].device, &n->self.device)) {
        rank++;
    }
    int64_t due = w->at_ms + (int64_t)rank * FOUND_NEXT_MS;
    *now = due <= n->now.wall_ms;
    if (!*now) {
        node_wake_wall(n, due);
    }
    return st;
}

/* ---- founding ---- */

static enum status found_context(struct node *n, const struct wanted *w, struct kith_context *c)
{
    int64_t generation = -1, told = -1;
    bool known = false;
    size_t mine = ID_COMPARE(&w->mine.family, &w->other.family) < 0 ? 0 : 1;
    memset(c, 0, sizeof(*c));
    c->kind = SCOPE_CONVERSATION;
    c->family_count = 2;
    c->families[mine].family = w->mine.family;
    c->families[1 - mine].family = w->other.family;
    enum status st = scope_id_of_pair(&w->mine, &w->other, &c->scope);
    for (size_t i = 0; st == ST_OK && i < 2; i++) {
        st = family_head(n, &c->families[i].family, CHAIN_AUTHORITY, &c->families[i].head, &known);
        st = st == ST_OK && !known ? ST_CHAIN_GAP : st;
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &generation, -1, "SELECT max(generation) FROM mls_group WHERE scope = ?",
                        "b", SPAN_ID(&c->scope));
    }
    if (st == ST_OK) { /* a device that came since was in none of them */
        st = leave_generation(n, &c->scope, &told);
    }
    c->generation = (uint32_t)((told > generation ? told : generation) + 1);
    return st;
}

static enum status evidence_permits(struct node *n, const struct wanted *w, struct evidence_set *set)
{
    struct buffer permits[2];
    size_t count = 0;
    buffer_init(&permits[0], EVIDENCE_RECORD_MAX);
    buffer_init(&permits[1], EVIDENCE_RECORD_MAX);
    enum status st = pair_permits(n, &w->mine, &w->other, permits, &count);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        set->at[i] = set->bytes.len;
        set->len[i] = permits[i].len;
        st = buffer_append(&set->bytes, buffer_span(&permits[i]));
        set->count = i + 1;
    }
    evidence_set_fix(set);
    buffer_wipe(&permits[0]);
    buffer_wipe(&permits[1]);
    return st;
}

static enum status add_other(struct node *n, struct group *g, const struct wanted *w)
{
    struct evidence_set set;
    struct buffer package;
    evidence_set_init(&set);
    buffer_init(&package, WIRE_KEY_PACKAGE_MAX + 16);
    enum status st = evidence_permits(n, w, &set);
    if (st == ST_OK) {
        st = key_package_message(buffer_span(&w->key_package), &package);
    }
    if (st == ST_OK) {
        struct group_add add = {buffer_span(&package), w->other, buffer_span(&w->box)};
        struct group_commit_args a = {
            .adds = &add, .add_count = 1, .evidence = set.records, .evidence_count = set.count};
        st = group_commit(n, g, &a);
    }
    evidence_set_wipe(&set);
    buffer_wipe(&package);
    return st;
}

static enum status found(struct node *n, const struct wanted *w)
{
    struct group *g = NULL;
    char relay[WIRE_RELAY_MAX + 1];
    struct group_found_args a = {.has_peer = true, .subject = w->mine, .peer = w->other, .relay = relay};
    enum status st = pair_allowed(n, &w->mine, &w->other);
    if (st == ST_OK) {
        st = family_relay(n, relay);
    }
    if (st == ST_OK) {
        st = family_keep_certificate(n, buffer_span(&w->certificate));
    }
    if (st == ST_OK) {
        st = found_context(n, w, &a.context);
    }
    if (st == ST_OK) {
        st = group_found(n, &a, &g);
    }
    return st == ST_OK ? add_other(n, g, w) : st;
}

static enum status found_guarded(struct node *n, void *arg)
{
    struct wanted *w = arg;
    enum status st = found(n, w);
    return st == ST_OK ? drop_wanted(n, w) : st;
}

/* What cannot be founded now (a permit or a chain entry is still on its way) is tried again a little later.
 */
static enum status try_to_found(struct node *n, struct wanted *w)
{
    enum status why = ST_OK, st = node_guard(n, found_guarded, w, &why);
    if (st != ST_OK || why == ST_OK) {
        return st;
    }
    node_wake_wall(n, n->now.wall_ms + FOUND_AGAIN_MS);
    return sql_run(
        &n->sql,
        "UPDATE conversation_wish SET at_ms = at_ms + ? WHERE person = ? AND family = ? AND other = ?",
        "ibbb", n->now.wall_ms - w->at_ms + FOUND_AGAIN_MS, SPAN_ID(&w->mine.person),
        SPAN_ID(&w->other.family), SPAN_ID(&w->other.person));
}

/* Is there a group already? One from before the wish may be one that is being left, or that the other has
 * left and whose end is not read yet: then the wish waits. */
static enum status is_there(struct node *n, const struct wanted *w, const struct scope_id *scope, bool *there,
                            bool *before)
{
    struct query q;
    query_start(&q, &n->sql,
                "SELECT founded_at, left_at FROM mls_group WHERE scope = ? AND state != 3 ORDER BY generation"
                " DESC, id DESC LIMIT 1",
                "b", SPAN_ID(scope));
    *there = query_next(&q);
    *before = *there && (query_int(&q, 1) != 0 ||
                         (query_int(&q, 0) < w->at_ms && n->now.wall_ms - w->at_ms < WISH_KEPT_MS));
    return query_end(&q);
}

enum status conversations_due(struct node *n)
{
    struct wanted w;
    bool found_row = true, now = false, held = false;
    enum status st = ST_OK;
    for (size_t skip = 0; st == ST_OK && found_row; skip++) {
        struct scope_id scope;
        bool there = false, before = false;
        st = load_wanted(n, skip, &w, &found_row);
        if (st == ST_OK && found_row) {
            st = scope_id_of_pair(&w.mine, &w.other, &scope);
        }
        if (st == ST_OK && found_row) {
            st = is_there(n, &w, &scope, &there, &before);
        }
        if (st == ST_OK && found_row) {
            st = restore_holds(n, &scope, &held);
        }
        if (st == ST_OK && found_row &&
            (held || before)) { /* held: there already, and not in this database */
            wanted_wipe(&w);
            continue;
        }
        if (st == ST_OK && found_row && there) {
            st = drop_wanted(n, &w); /* another device was first */
        } else if (st == ST_OK && found_row) {
            st = my_turn(n, &w, &now);
            if (st == ST_OK && now) {
                st = try_to_found(n, &w);
            }
        }
        wanted_wipe(&w);
    }
    return st;
}

/* ---- joining ---- */

/* Our letterbox for this contact: its keys to our other devices, the box to the contact (§7.1). */
enum status conversation_hand_over_box(struct node *n, const struct person_ref *peer,
                                       const struct scope_id *scope)
{
    int64_t there = 0;
    enum status st =
        sql_number(&n->sql, &there, 0,
                   "SELECT count(*) FROM letterbox WHERE kind = ? AND peer_family = ? AND peer_person = ?"
                   " AND void = 0",
                   "ibb", (int64_t)BOX_CONTACT, SPAN_ID(&peer->family), SPAN_ID(&peer->person));
    return st == ST_OK && there == 0 ? conversation_new_box(n, peer, scope) : st;
}

enum status conversation_new_box(struct node *n, const struct person_ref *peer, const struct scope_id *scope)
{
    struct buffer box;
    struct box_secrets secrets;
    struct scope_id own;
    struct entry_body entry = {.kind = ENTRY_LETTERBOX}, key = {.kind = ENTRY_LETTERBOX_KEY};
    int64_t id = 0;
    struct box_args a = {.kind = BOX_CONTACT,
                         .owner = self_person(n),
                         .peer = *peer,
                         .expires_ms = n->now.wall_ms + LETTERBOX_LIFE_MS};
    buffer_init(&box, LETTERBOX_MAX);
    enum status st = box_new(n, &a, &box, &secrets, &id);
    if (st == ST_OK) {
        key.u.letterbox_key.peer = *peer;
        key.u.letterbox_key.box = secrets;
        st = scope_id_of_person(SCOPE_OWN, &n->self.person, &own);
    }
    if (st == ST_OK) {
        st = journal_append(n, SCOPE_OWN, &own, &key, NULL);
    }
    if (st == ST_OK) {
        entry.u.letterbox.letterbox = buffer_span(&box);
        st = journal_append(n, SCOPE_CONVERSATION, scope, &entry, NULL);
    }
    bytes_wipe(&secrets, sizeof(secrets));
    bytes_wipe(&key, sizeof(key));
    buffer_wipe(&box);
    return st;
}

/* Not one that this person has left: commits may come until the others know. Who asked again since waits for
 * the conversation. */
static enum status activate(struct node *n, const struct group *g, bool *left)
{
    struct person_ref mine = g->subject, peer = g->peer;
    struct scope_id scope = g->scope;
    uint32_t generation = g->generation;
    int64_t id = g->id;
    char name[WIRE_NAME_MAX + 1];
    int64_t state = 0, supervised = 0;
    enum status st = person_name(n, &peer, name, sizeof(name));
    *left = false;
    if (st == ST_OK) {
        st = sql_number(&n->sql, &state, 0,
                        "SELECT state FROM contact WHERE person = ? AND family = ? AND other = ?", "bbb",
                        SPAN_ID(&mine.person), SPAN_ID(&peer.family), SPAN_ID(&peer.person));
    }
    if (st == ST_OK) {
        st = sql_number(&n->sql, &supervised, 0,
                        "SELECT supervised FROM certificate WHERE family = ? AND person = ?", "bb",
                        SPAN_ID(&peer.family), SPAN_ID(&peer.person));
    }
    if (st == ST_OK && state != CONTACT_ACTIVE && state != CONTACT_FOUNDING) {
        st = leave_is_of(n, &scope, generation, left);
    }
    if (st == ST_OK && *left) { /* its end: leaves_due */
        st = sql_run(&n->sql, "UPDATE mls_group SET left_at = ? WHERE id = ? AND left_at = 0", "ii",
                     n->now.wall_ms, id);
    }
    if (st != ST_OK || *left || state == CONTACT_ACTIVE) {
        return st;
    }
    struct contact_set c = {.mine = mine,
                            .other = peer,
                            .name = name,
                            .supervised = supervised != 0,
                            .state = CONTACT_ACTIVE,
                            .scope = scope};
    st = contact_put(n, &c);
    return st == ST_OK ? node_notice(n, NOTICE_CONTACT, name, "", &scope) : st;
}

static enum status enter(struct node *n, struct group *g)
{
    struct person_ref peer = g->peer;
    struct scope_id scope = g->scope;
    bool left = false;
    if (!g->has_peer || !ID_EQUAL(&g->subject.person, &n->self.person)) {
        return ST_OK;
    }
    enum status st = activate(n, g, &left);
    return st == ST_OK && !left ? conversation_hand_over_box(n, &peer, &scope) : st;
}

enum status conversation_joined(struct node *n, struct group *g)
{
    return enter(n, g);
}

enum status conversation_began(struct node *n, struct group *g)
{
    struct person_ref peer = g->peer;
    struct scope_id scope = g->scope;
    bool mine = g->has_peer && ID_EQUAL(&g->subject.person, &n->self.person);
    bool first = g->generation == 0 && g->epoch == 1;
    enum status st = enter(n, g);
    /* It may have been founded before, by a later state of this device than its database has (restore.h). */
    return st == ST_OK && mine && first ? restore_tell_box(n, &peer, &scope) : st;
}

/* T12: whom an overseer reads along with is a child of this family, and the overseer is this device's parent.
 */
enum status conversation_judge_overseen(struct node *n, const struct kith_context *c,
                                        const struct person_ref *persons, size_t count,
                                        struct group_row_args *row)
{
    struct scope_id expected;
    (void)row;
    if (n->self.role != ROLE_PARENT) {
        return ST_AUTHORIZE_PAIR;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            bool ours = ID_EQUAL(&persons[i].family, &n->self.family) && i != j;
            if (ours && scope_id_of_pair(&persons[i], &persons[j], &expected) == ST_OK &&
                ID_EQUAL(&expected, &c->scope)) {
                row->subject = persons[i];
                row->has_peer = true;
                row->peer = persons[j];
                return ST_OK;
            }
        }
    }
    return ST_AUTHORIZE_PAIR;
}

/* One that this person has left gives way to every later one, and nothing of it goes over. */
enum status conversation_was_left(struct node *n, const struct group *ours, uint32_t next, bool *left)
{
    int64_t at = 0;
    enum status st = sql_number(&n->sql, &at, 0, "SELECT left_at FROM mls_group WHERE id = ?", "i", ours->id);
    *left = at != 0 && next > ours->generation;
    return st;
}

/* The lower founder stands: the Admission's founder is the sender, whose leaf is 0 in a group just founded.
 * Ours gives way when nobody has joined it, or when the other's founding hash is lower: the same choice on
 * both sides. */
bool conversation_founding_gives_way(struct node *n, const struct group *ours, const struct admission *a)
{
    (void)n;
    return ours->kind == SCOPE_CONVERSATION && memcmp(a->founding_hash, ours->founding, HASH_LEN) < 0;
}

/* ---- devices ---- */

static enum status plan_own_devices(struct node *n, struct group *g, struct plan *p)
{
    struct family_device devices[WIRE_DEVICES_MAX];
    size_t count = 0;
    enum status st = family_devices(n, &n->self.person, devices, WIRE_DEVICES_MAX, &count);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        if (!group_has_device(g, &devices[i].device, NULL)) {
            struct person_ref who = self_person(n);
            st = plan_add(n, p, &devices[i].device, &who);
        }
    }
    return st;
}

/* Where this person has made one of the last epochs, their own Revocation is not enough: the chain is to have
 * let the device go, too, which is a matter of moments; or somebody else takes it out. */
static enum status may_revoke(struct node *n, struct group *g, const struct plan *p,
                              const struct device_certificate *c, bool *may)
{
    struct person_ref self = self_person(n);
    *may = plan_may_remove(n, g, &c->device);
    if (!*may || p->heads || n->self.role != ROLE_PARENT || !person_ref_equal(&self, &c->who)) {
        return ST_OK;
    }
    return plan_may_revoke_own(n, g, may);
}

/* Leaves of revoked devices, with their Revocations as evidence. */
static enum status plan_revoked(struct node *n, struct group *g, struct plan *p)
{
    struct device_certificate c;
    struct buffer bytes;
    bool found = false, may = false;
    enum status st = ST_OK;
    buffer_init(&bytes, EVIDENCE_RECORD_MAX);
    for (uint32_t at = 0; st == ST_OK && group_next(g, &at, &c);) {
        bytes.len = 0;
        st = sql_bytes(&n->sql, &bytes, &found, "SELECT revocation FROM revocation WHERE device = ?", "b",
                       SPAN_ID(&c.device));
        if (st == ST_OK && found) {
            st = may_revoke(n, g, p, &c, &may);
        }
        if (st == ST_OK && found && may) {
            p->removes[p->remove_count++] = at - 1;
            p->foreign = p->foreign || !ID_EQUAL(&c.who.family, &n->self.family);
            st = plan_evidence(p, EVIDENCE_REVOCATION, buffer_span(&bytes));
        } else if (st == ST_OK && found) {
            p->later = true;
        }
    }
    buffer_wipe(&bytes);
    return st;
}

/* ---- the family's chain ---- */

/* Do this person's certificates hold at the newest head, and this child's permit? Then the group can be taken
 * there: nobody in it loses what counts. */
static enum status is_ready(struct node *n, struct group *g, bool *ready)
{
    const struct authority *a;
    const struct roster *r;
    struct device_certificate leaf, kept;
    struct buffer bytes;
    enum status st = family_states(n, &a, &r);
    *ready = st == ST_OK;
    for (uint32_t at = 0; st == ST_OK && *ready && group_next(g, &at, &leaf);) {
        if (!person_ref_equal(&leaf.who, &g->subject) || !roster_person_of(r, &leaf.device)) {
            continue;
        }
        buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
        st = family_certificate(n, &leaf.device, &bytes, &kept);
        *ready = st == ST_OK && certificate_check(a, &kept) == ST_OK;
        buffer_wipe(&bytes);
    }
    if (st == ST_OK && *ready && n->self.supervised) {
        buffer_init(&bytes, WIRE_PERMIT_MAX);
        st = permit_newest(n, &g->subject, &g->peer, &bytes, ready);
        buffer_wipe(&bytes);
    }
    return st;
}

/* Contacts follow this family's chain by commits of the person whom they know, and get with it what counts at
 * its newest head: certificates (plan.c) and the child's permit. */
static enum status plan_chain(struct node *n, struct group *g, struct plan *p, bool *ready)
{
    struct kith_context context;
    struct chain_head head;
    bool known = false;
    enum status st = group_context(g, &context);
    if (st == ST_OK) {
        st = family_head(n, &n->self.family, CHAIN_AUTHORITY, &head, &known);
    }
    const struct family_head *f = st == ST_OK ? kith_context_family(&context, &n->self.family) : NULL;
    if (st == ST_OK) {
        st = is_ready(n, g, ready);
    }
    p->heads = st == ST_OK && *ready && f && head.height > f->head.height;
    return st;
}

/* This child's permit goes with whatever this device commits. */
static enum status plan_permit(struct node *n, struct group *g, struct plan *p)
{
    struct buffer permit;
    bool found = false;
    buffer_init(&permit, WIRE_PERMIT_MAX);
    enum status st = n->self.supervised ? permit_newest(n, &g->subject, &g->peer, &permit, &found) : ST_OK;
    if (st == ST_OK && found) {
        st = plan_evidence(p, EVIDENCE_PERMIT, buffer_span(&permit));
    }
    buffer_wipe(&permit);
    return st;
}

static enum status plan_mine(struct node *n, struct group *g, struct plan *p)
{
    bool ready = false;
    if (mls_group_member_count(g->mls) < 2) {
        return ST_OK;
    }
    enum status st = plan_chain(n, g, p, &ready);
    if (st == ST_OK && ready) {
        st = plan_own_devices(n, g, p);
    }
    return st == ST_OK ? plan_permit(n, g, p) : st;
}

enum status conversation_reconcile(struct node *n, struct group *g)
{
    struct plan *p = plan_new();
    bool mine = g->has_peer && ID_EQUAL(&g->subject.person, &n->self.person);
    enum status st = p ? ST_OK : ST_NO_MEMORY;
    if (st == ST_OK && mine) {
        st = plan_mine(n, g, p);
    }
    if (st == ST_OK) {
        st = plan_revoked(n, g, p);
    }
    if (p && p->later) {
        p->heads = false; /* whoever no longer stands has to go first */
    }
    if (st == ST_OK) {
        st = readd_plan(n, g, p);
    }
    if (st == ST_OK) {
        st = plan_commit(n, g, p);
    }
    plan_free(p);
    return st;
}
