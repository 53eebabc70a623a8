/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence of a removal goes to every member's letterbox before its commit (§5.4): a relay that withholds
 * the commit keeps nobody ignorant. Who holds it sends nothing into a group that has the leaf (removal.c),
 * and a parent's device commits the removal itself when its turn has come and nobody has. */
#include "device/roster.h"
#include "sync/family.h"
#include "sync/plan.h"
#include "sync/readd.h"
#include "sync/reconcile.h"
#include "sync/removal.h"

enum told_limits {
    TOLD_PER_DEVICE = 8, /* chain entries about one device; a change of heads makes others */
    TOLD_MAX = 64,
    TOLD_KEPT_MS = 7 * 24 * 3600 * 1000
};

/* ---- telling ---- */

static enum status tell_revocation(struct node *n, struct group *family, const struct device_id *device)
{
    struct buffer revocation, record;
    struct writer w;
    bool found = false;
    buffer_init(&revocation, EVIDENCE_RECORD_MAX);
    buffer_init(&record, EVIDENCE_RECORD_MAX);
    enum status st = sql_bytes(&n->sql, &revocation, &found,
                               "SELECT revocation FROM revocation WHERE device = ?", "b", SPAN_ID(device));
    if (st == ST_OK && found) {
        struct evidence_record r = {.kind = EVIDENCE_REVOCATION, .body = buffer_span(&revocation)};
        writer_init(&w, &record);
        st = evidence_record_encode(&w, &r);
    }
    if (st == ST_OK && found) {
        st = letters_to_members(n, family, LETTERBOX_EVIDENCE, buffer_span(&record), device);
    }
    buffer_wipe(&revocation);
    buffer_wipe(&record);
    return st;
}

enum status removal_tell_members(struct node *n, struct group *family, const struct device_id *device,
                                 const struct span *records, size_t count)
{
    enum status st = tell_revocation(n, family, device);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = letters_to_members(n, family, LETTERBOX_EVIDENCE, records[i], device);
    }
    return st;
}

/* ---- being told ---- */

/* The device that a chain entry removes; false for every other entry. */
static bool removed_by(const struct chain_entry *e, struct device_id *device)
{
    struct authority_body a;
    struct roster_body r;
    if (e->chain == CHAIN_AUTHORITY && authority_body_decode(&a, e->body) == ST_OK) {
        *device = a.device;
        return a.kind == AUTHORITY_REMOVE_DEVICE;
    }
    if (e->chain == CHAIN_ROSTER && roster_body_decode(&r, e->body) == ST_OK) {
        *device = r.device;
        return r.kind == ROSTER_REMOVE_DEVICE;
    }
    return false;
}

/* Room for one more about this device: the oldest goes. */
static enum status make_room(struct node *n, const struct device_id *device)
{
    enum status st = sql_run(&n->sql, "DELETE FROM removal_record WHERE at_ms < ?", "i",
                             n->now.wall_ms - (int64_t)TOLD_KEPT_MS);
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "DELETE FROM removal_record WHERE id IN (SELECT id FROM removal_record WHERE device = ?"
                     " ORDER BY id DESC LIMIT -1 OFFSET ?)",
                     "bi", SPAN_ID(device), (int64_t)(TOLD_PER_DEVICE - 1));
    }
    return st == ST_OK
               ? sql_run(&n->sql,
                         "DELETE FROM removal_record WHERE id IN (SELECT id FROM removal_record ORDER BY"
                         " id DESC LIMIT -1 OFFSET ?)",
                         "i", (int64_t)(TOLD_MAX - 1))
               : st;
}

enum status removal_told(struct node *n, const struct evidence_record *r, struct span record)
{
    struct chain_entry e;
    struct device_id device;
    const struct authority *a;
    const struct roster *roster;
    struct entry_hash hash;
    if (!ID_EQUAL(&r->family, &n->self.family) || n->self.role != ROLE_PARENT) {
        return ST_OK; /* only parents' devices commit in `family`; the others hold the Revocation */
    }
    enum status st = chain_entry_decode(&e, r->body);
    if (st == ST_OK) {
        st = removed_by(&e, &device) ? chain_entry_verify(&e) : ST_RECORD_UNKNOWN;
    }
    if (st == ST_OK) {
        st = family_states(n, &a, &roster);
    }
    if (st == ST_OK && (!roster_person_of(roster, &device) || !roster_person_of(roster, &e.author))) {
        return ST_OK; /* done already, or by nobody of this family */
    }
    if (st == ST_OK) {
        st = make_room(n, &device);
    }
    if (st == ST_OK) {
        st = evidence_record_hash(record, &hash);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql,
                     "INSERT OR IGNORE INTO removal_record(device, hash, record, at_ms) VALUES(?,?,?,?)",
                     "bbbi", SPAN_ID(&device), SPAN_ID(&hash), record, n->now.wall_ms);
    }
    return st == ST_OK ? groups_dirty(n) : st;
}

/* ---- committing what others were kept from ---- */

struct told { /* the chains with the entries that fit, and those entries as evidence */
    struct authority authority;
    struct roster roster;
    struct plan *plan;
};

static enum status take_told(struct told *t, struct span record)
{
    struct evidence_record r;
    struct chain_entry e;
    enum status st = evidence_record_decode(&r, record);
    if (st == ST_OK) {
        st = chain_entry_decode(&e, r.body);
    }
    if (st == ST_OK) {
        st = e.chain == CHAIN_AUTHORITY ? authority_apply_bytes(&t->authority, r.body)
                                        : roster_apply_bytes(&t->roster, &t->authority, r.body);
    }
    return st == ST_OK ? plan_record(t->plan, &r) : st;
}

/* Entries about the device, in the order in which they came; those that do not fit these heads are passed
 * over. */
static enum status gather(struct node *n, const struct device_id *device, struct told *t)
{
    struct query q;
    query_start(&q, &n->sql, "SELECT record FROM removal_record WHERE device = ? ORDER BY id", "b",
                SPAN_ID(device));
    while (query_next(&q)) {
        enum status st = take_told(t, query_blob(&q, 0));
        query_fail(&q, status_is_fatal(st) ? st : ST_OK);
    }
    return query_end(&q);
}

static enum status commit_told(struct node *n, struct group *family, const struct device_id *device,
                               struct told *t)
{
    struct kith_context context;
    uint32_t leaf = 0;
    bool removes = group_has_device(family, device, &leaf);
    enum status st = gather(n, device, t);
    if (st != ST_OK || roster_person_of(&t->roster, device) ||
        roster_agrees(&t->roster, &t->authority) != ST_OK) {
        return st;
    }
    evidence_set_fix(&t->plan->evidence);
    st = group_context(family, &context);
    context.families[0].head = t->authority.head;
    context.roster = t->roster.head;
    struct group_commit_args a = {.evidence = t->plan->evidence.records,
                                  .evidence_count = t->plan->evidence.count,
                                  .removes = &leaf,
                                  .remove_count = removes,
                                  .context = &context};
    return st == ST_OK ? group_commit(n, family, &a) : st;
}

static enum status commit_one(struct node *n, struct group *family, const struct device_id *device)
{
    const struct authority *a;
    const struct roster *r;
    struct told *t = mem_alloc(1, sizeof(*t));
    enum status st = t ? family_states(n, &a, &r) : ST_NO_MEMORY;
    if (st == ST_OK) {
        t->authority = *a;
        t->roster = *r;
        t->plan = plan_new();
        st = t->plan ? ST_OK : ST_NO_MEMORY;
    }
    if (st == ST_OK) {
        st = commit_told(n, family, device, t);
    }
    if (t) {
        plan_free(t->plan);
    }
    mem_free(t, sizeof(*t));
    return st;
}

enum status removals_commit(struct node *n, struct group *family)
{
    struct device_id device;
    struct query q;
    bool found = false;
    const struct authority *a;
    const struct roster *r;
    query_start(&q, &n->sql,
                "SELECT t.device FROM removal_record t JOIN revocation v ON v.device = t.device"
                " ORDER BY t.id LIMIT 1",
                "");
    if (query_next(&q)) {
        QUERY_ID(&q, 0, &device);
        found = true;
    }
    enum status st = query_end(&q);
    if (st == ST_OK && found) {
        st = family_states(n, &a, &r);
    }
    if (st != ST_OK || !found) {
        return st;
    }
    if (!roster_person_of(r, &device)) { /* somebody's commit has won */
        return sql_run(&n->sql, "DELETE FROM removal_record WHERE device = ?", "b", SPAN_ID(&device));
    }
    if (!plan_may_remove(n, family, &device)) {
        return sql_run(&n->sql, "UPDATE mls_group SET dirty = 1 WHERE id = ?", "i", family->id);
    }
    return commit_one(n, family, &device);
}
