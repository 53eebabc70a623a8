/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/plan.h"

#include "device/authorize.h"
#include "device/roster.h"
#include "sync/family.h"
#include "sync/reconcile.h"
#include "sync/relay_away.h"
#include "sync/relays.h"
#include "sync/removal.h"

enum plan_limits {
    REMOVE_AFTER_MS = 30 * 1000 /* by rank: who removed a device goes first, then one by one */
};

/* ---- heads ---- */

static enum status add_record(struct evidence_set *set, const struct evidence_record *r)
{
    struct writer w;
    if (set->count == GROUP_EVIDENCE_MAX) {
        return ST_NO_SPACE;
    }
    set->at[set->count] = set->bytes.len;
    writer_init(&w, &set->bytes);
    enum status st = evidence_record_encode(&w, r);
    set->len[set->count] = set->bytes.len - set->at[set->count];
    set->count += st == ST_OK;
    return st;
}

/* Authority entries over `*after` and up to `up_to`; *after moves along. */
static enum status add_authority(struct node *n, const struct family_id *family, int64_t *after,
                                 int64_t up_to, struct evidence_set *set)
{
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT entry, height FROM chain WHERE family = ? AND chain = 1 AND height > ? AND height <= ?"
        " ORDER BY height",
        "bii", SPAN_ID(family), *after, up_to);
    while (query_next(&q)) {
        struct evidence_record r = {EVIDENCE_CHAIN_ENTRY, *family, query_blob(&q, 0)};
        query_fail(&q, add_record(set, &r));
        *after = query_int(&q, 1);
    }
    return query_end(&q);
}

/* Roster entries are judged at the authority height that each names: what leads there goes before each. */
static enum status add_roster(struct node *n, const struct family_id *family, uint64_t after,
                              int64_t *authority, struct evidence_set *set)
{
    struct query q;
    struct chain_entry e;
    query_start(&q, &n->sql,
                "SELECT entry FROM chain WHERE family = ? AND chain = 2 AND height > ? ORDER BY height", "bi",
                SPAN_ID(family), (int64_t)after);
    while (query_next(&q)) {
        struct evidence_record r = {EVIDENCE_CHAIN_ENTRY, *family, query_blob(&q, 0)};
        query_fail(&q, chain_entry_decode(&e, r.body));
        if (q.failed == ST_OK) {
            query_fail(&q, add_authority(n, family, authority, (int64_t)e.authority_height, set));
        }
        if (q.failed == ST_OK) {
            query_fail(&q, add_record(set, &r));
        }
    }
    return query_end(&q);
}

void evidence_set_fix(struct evidence_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        set->records[i] = SPAN_OF(set->bytes.ptr + set->at[i], set->len[i]);
    }
}

/* In a conversation each family's devices bring their own chain along, and with it what counts by it now:
 * other families' heads are moved only where a Revocation needs it (`foreign`). */
static enum status newest_heads(struct node *n, struct kith_context *context, struct evidence_set *set,
                                bool foreign)
{
    bool known = false;
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < context->family_count; i++) {
        struct family_head *f = &context->families[i];
        int64_t authority = (int64_t)f->head.height;
        if (!foreign && !ID_EQUAL(&f->family, &n->self.family)) {
            continue;
        }
        if (context->kind != SCOPE_CONVERSATION) {
            st = add_roster(n, &f->family, context->roster.height, &authority, set);
        }
        if (st == ST_OK) {
            st = add_authority(n, &f->family, &authority, INT64_MAX, set);
        }
        if (st == ST_OK) {
            st = family_head(n, &f->family, CHAIN_AUTHORITY, &f->head, &known);
        }
    }
    if (st == ST_OK && context->kind != SCOPE_CONVERSATION) {
        st = family_head(n, &context->families[0].family, CHAIN_ROSTER, &context->roster, &known);
    }
    evidence_set_fix(set);
    return st;
}

struct plan *plan_new(void)
{
    struct plan *p = mem_alloc(1, sizeof(*p));
    for (size_t i = 0; p && i < GROUP_ADDS_MAX; i++) {
        buffer_init(&p->packages[i], WIRE_KEY_PACKAGE_MAX + 16);
        buffer_init(&p->boxes[i], LETTERBOX_MAX);
    }
    if (p) {
        evidence_set_init(&p->evidence);
    }
    return p;
}

void plan_free(struct plan *p)
{
    for (size_t i = 0; p && i < GROUP_ADDS_MAX; i++) {
        buffer_wipe(&p->packages[i]);
        buffer_wipe(&p->boxes[i]);
    }
    if (p) {
        evidence_set_wipe(&p->evidence);
    }
    mem_free(p, sizeof(*p));
}

/* A device to add, when its letterbox and a key package of it are here. */
enum status plan_add(struct node *n, struct plan *p, const struct device_id *device,
                     const struct person_ref *who)
{
    size_t at = p->add_count;
    bool box = false, package = false;
    if (at == GROUP_ADDS_MAX || revocation_known(n, device)) {
        return ST_OK;
    }
    enum status st = device_box_of(n, device, NULL, &p->boxes[at], &box);
    if (st == ST_OK && box) {
        st = key_package_take(n, device, &p->packages[at], &package);
    }
    if (st == ST_OK && box && package) {
        p->adds[at] = (struct group_add){buffer_span(&p->packages[at]), *who, buffer_span(&p->boxes[at])};
        p->add_count++;
    } else {
        buffer_wipe(&p->boxes[at]);
    }
    return st;
}

/* Members remove a leaf one after the other, so that not all commit at once. */
bool plan_may_remove(struct node *n, const struct group *g, const struct device_id *device)
{
    int64_t known_at = 0, issuer = 0;
    uint32_t rank = mls_group_own_leaf(g->mls);
    enum status st = sql_number(&n->sql, &known_at, n->now.wall_ms,
                                "SELECT at_ms FROM revocation WHERE device = ?", "b", SPAN_ID(device));
    if (st == ST_OK) {
        st = sql_number(&n->sql, &issuer, 0,
                        "SELECT count(*) FROM entry WHERE kind = +? AND own = 1 AND arrived_at >= ?", "ii",
                        (int64_t)ENTRY_REVOCATION, known_at);
    }
    int64_t due = known_at + (issuer != 0 ? 0 : REMOVE_AFTER_MS * (int64_t)(rank + 1));
    if (st == ST_OK && due > n->now.wall_ms) {
        node_wake_wall(n, due);
        return false;
    }
    return st == ST_OK;
}

enum status plan_record(struct plan *p, const struct evidence_record *r)
{
    return add_record(&p->evidence, r);
}

enum status plan_evidence(struct plan *p, enum evidence_kind kind, struct span body)
{
    struct evidence_record r = {.kind = kind, .body = body};
    return plan_record(p, &r);
}

/* May this person make a commit that changes nothing but its own leaf (§5.3)? */
static enum status may_refresh(struct node *n, struct group *g, bool *may)
{
    struct person_ref authors[ADMISSION_AUTHORS_MAX], self = self_person(n), persons[WIRE_LEAVES_MAX];
    struct authorize_race race = {.authors = authors, .by = &self};
    enum status st = group_authors(n, g, authors, &race.author_count);
    race.persons = group_persons(g, persons, WIRE_LEAVES_MAX);
    *may = !authorize_refresh_waits(&race);
    return st;
}

enum status plan_may_revoke_own(struct node *n, const struct group *g, bool *may)
{
    struct person_ref authors[ADMISSION_AUTHORS_MAX], self = self_person(n), persons[WIRE_LEAVES_MAX];
    struct authorize_race race = {.authors = authors, .by = &self};
    enum status st = group_authors(n, g, authors, &race.author_count);
    race.persons = group_persons(g, persons, WIRE_LEAVES_MAX);
    *may = !authorize_leave_waits(&race);
    return st;
}

/* An empty commit, when its moment has come (scope_clock.c). */
static enum status refresh_due(struct node *n, struct group *g, bool *due)
{
    int64_t want = 0;
    enum status st =
        sql_number(&n->sql, &want, 0, "SELECT refresh_at = 1 FROM mls_group WHERE id = ?", "i", g->id);
    *due = want != 0 && mls_group_member_count(g->mls) > 1;
    return st;
}

/* ---- renewed certificates ---- */

/* This device's renewed certificate, where its leaf has an older one: appended to `out`. */
static enum status own_identity(struct node *n, const struct group *g, struct buffer *out)
{
    struct mls_member m;
    uint32_t at = mls_group_own_leaf(g->mls);
    bool fresher = false;
    if (!mls_group_next_member(g->mls, &at, &m) || m.leaf != mls_group_own_leaf(g->mls)) {
        return ST_STORE_ROW;
    }
    return certificate_if_fresher(n, m.identity, out, &fresher);
}

static enum status add_fresher(struct node *n, struct plan *p, struct span identity)
{
    struct buffer one;
    bool fresher = false;
    buffer_init(&one, WIRE_CERTIFICATE_MAX);
    enum status st = certificate_if_fresher(n, identity, &one, &fresher);
    if (st == ST_OK && fresher) {
        st = plan_evidence(p, EVIDENCE_CERTIFICATE, buffer_span(&one));
    }
    buffer_wipe(&one);
    return st;
}

/* For those that are added: their key packages may be older. In a conversation also for this person's
 * devices, for the other family's joiners. */
static enum status add_certificates(struct node *n, const struct group *g, struct plan *p)
{
    struct mls_member m;
    struct device_certificate c;
    uint8_t ref[HASH_LEN];
    struct sign_public key;
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < p->add_count; i++) {
        struct span identity;
        st = mls_key_package_read(p->adds[i].key_package, ref, &identity, &key);
        if (st == ST_OK) {
            st = add_fresher(n, p, identity);
        }
    }
    for (uint32_t at = 0;
         st == ST_OK && g->kind == SCOPE_CONVERSATION && mls_group_next_member(g->mls, &at, &m);) {
        if (device_certificate_decode(&c, m.identity) == ST_OK && ID_EQUAL(&c.who.family, &n->self.family) &&
            ID_EQUAL(&c.who.person, &n->self.person)) {
            st = add_fresher(n, p, m.identity);
        }
    }
    return st;
}

/* Does a leaf with this certificate hold at the group's heads, or only at later ones? */
static bool needs_newer_head(const struct node *n, const struct kith_context *context, struct span identity)
{
    struct device_certificate c;
    const struct family_head *f = kith_context_family(context, &n->self.family);
    return identity.len != 0 && device_certificate_decode(&c, identity) == ST_OK && f &&
           c.authority_height > f->head.height;
}

/* Heads move in a scope of the family only when nobody is in the tree who does not belong there at them. */
static enum status tree_stands(struct node *n, const struct group *g, bool *stands)
{
    const struct authority *a;
    const struct roster *r;
    struct device_certificate c;
    *stands = true;
    enum status st = family_states(n, &a, &r);
    for (uint32_t at = 0; st == ST_OK && group_next(g, &at, &c);) {
        *stands = *stands && roster_person_of(r, &c.device) != NULL;
    }
    return st;
}

/* ---- the commit ---- */

struct planned { /* what the commit will be */
    bool any, move_heads;
    struct buffer identity;
};

static enum status decide(struct node *n, struct group *g, struct plan *p, const struct kith_context *context,
                          struct planned *out)
{
    bool due = false, may = false, stands = false, moves = false,
         members = p->add_count != 0 || p->remove_count != 0;
    enum status st = own_identity(n, g, &out->identity);
    bool newer = st == ST_OK && needs_newer_head(n, context, buffer_span(&out->identity));
    if (st == ST_OK) {
        st = refresh_due(n, g, &due);
    }
    if (st == ST_OK) {
        st = may_refresh(n, g, &may);
    }
    if (st == ST_OK) {
        st = tree_stands(n, g, &stands);
    }
    if (st == ST_OK && g->kind != SCOPE_CONVERSATION) { /* there: p->heads, whatever the chain says */
        st = relays_behind(n, context, &moves);
    }
    bool alone = mls_group_member_count(g->mls) < 2;
    bool follows =
        g->kind != SCOPE_CONVERSATION && stands && !p->later; /* there: p->heads, with the permit */
    out->move_heads = members || p->heads || (newer && follows && !alone) || (moves && follows);
    if (newer && !out->move_heads) {
        buffer_wipe(&out->identity); /* waits until the heads move */
    }
    bool renewed = out->identity.len != 0 && !alone;
    out->any = out->move_heads || ((due || renewed) && may);
    return st;
}

enum status plan_commit(struct node *n, struct group *g, struct plan *p)
{
    struct kith_context context;
    struct planned c = {.any = false};
    enum status st = group_context(g, &context);
    buffer_init(&c.identity, WIRE_CERTIFICATE_MAX);
    if (st == ST_OK && p->later) {
        st = sql_run(&n->sql, "UPDATE mls_group SET dirty = 1 WHERE id = ?", "i", g->id);
    }
    if (st == ST_OK) {
        st = decide(n, g, p, &context, &c);
    }
    if (st == ST_OK && c.any) {
        st = add_certificates(n, g, p);
    }
    struct kith_context before = context;
    if (st == ST_OK && c.move_heads) {
        st = newest_heads(n, &context, &p->evidence, p->foreign || g->kind != SCOPE_CONVERSATION);
    }
    if (st == ST_OK && c.move_heads) {
        st = relays_follow(n, &before, &context, &p->relays);
    }
    evidence_set_fix(&p->evidence);
    if (st == ST_OK && c.any) {
        struct group_commit_args a = {.adds = p->adds,
                                      .add_count = p->add_count,
                                      .removes = p->removes,
                                      .remove_count = p->remove_count,
                                      .evidence = p->evidence.records,
                                      .evidence_count = p->evidence.count,
                                      .context = c.move_heads ? &context : NULL,
                                      .identity = buffer_span(&c.identity),
                                      .successor = p->successor};
        st = group_commit(n, g, &a);
    }
    buffer_wipe(&c.identity);
    return st;
}
