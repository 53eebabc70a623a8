/* SPDX-License-Identifier: Apache-2.0 */
#include "device/authorize.h"

#include "device/authorize_internal.h"
#include "protocol/mem.h"

/* ---- one judge a call ---- */

static void judge_free(struct judge *j)
{
    if (j)
        chains_free(j->chains);
    mem_free(j, sizeof *j);
}

static struct judge *judge_new(const struct kith_context *context)
{
    struct judge *j = mem_alloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->context = context;
    j->chains = chains_new();
    if (!j->chains) {
        judge_free(j);
        return NULL;
    }
    return j;
}

static enum status read_leaves(struct judge *j, const struct authorize_leaf *leaves, size_t count)
{
    enum status st = count <= WIRE_LEAVES_MAX ? ST_OK : ST_AUTHORIZE_LIMIT;
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct judge_member *m = &j->members[j->member_count++];
        m->leaf = leaves[i].leaf;
        m->leaf_node = leaves[i].leaf_node;
        st = judge_leaf(m, leaves[i].identity);
    }
    return st;
}

static struct judge_member *member_at(struct judge *j, uint32_t leaf)
{
    for (size_t i = 0; i < j->member_count; i++)
        if (!j->members[i].is_new && j->members[i].leaf == leaf)
            return &j->members[i];
    return NULL;
}

/* ---- what the commit does to the tree ---- */

static enum status change_add(struct judge *j, const struct mls_change *c)
{
    if (j->member_count == JUDGE_MEMBERS_MAX)
        return ST_AUTHORIZE_LIMIT;
    struct judge_member *m = &j->members[j->member_count++];
    *m = (struct judge_member){.leaf = c->leaf, .leaf_node = c->leaf_new, .change = c, .is_new = true};
    enum status st = judge_leaf(m, c->identity_new);
    return st == ST_OK ? judge_certificate(j, &m->certificate) : st;
}

static enum status change_remove(struct judge *j, const struct mls_change *c)
{
    struct judge_member *m = member_at(j, c->leaf);
    if (!m || m->gone)
        return ST_AUTHORIZE_LEAF;
    m->gone = true;
    m->change = c;
    return ST_OK;
}

/* A changed leaf keeps device and person; a new certificate is checked like a new leaf's. */
static enum status change_update(struct judge *j, const struct mls_change *c)
{
    struct judge_member *m = member_at(j, c->leaf), next = {.leaf_node = c->leaf_new};
    if (!m)
        return ST_AUTHORIZE_LEAF;
    enum status st = judge_leaf(&next, c->identity_new);
    if (st == ST_OK && (!ID_EQUAL(&next.certificate.device, &m->certificate.device) ||
                        !person_ref_equal(&next.certificate.who, &m->certificate.who)))
        st = ST_AUTHORIZE_LEAF;
    if (st == ST_OK && !span_equal(c->identity_old, c->identity_new))
        st = judge_certificate(j, &next.certificate);
    if (st == ST_OK)
        m->certificate = next.certificate;
    return st;
}

static enum status apply_changes(struct judge *j, const struct authorize_args *a)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < a->change_count; i++) {
        const struct mls_change *c = &a->changes[i];
        if (c->proposer != a->committer) /* protocol.md §5.1: proposals by value */
            return ST_AUTHORIZE_REFERENCE;
        switch (c->kind) {
        case MLS_CHANGE_ADD:
            st = change_add(j, c);
            break;
        case MLS_CHANGE_REMOVE:
            st = change_remove(j, c);
            break;
        case MLS_CHANGE_UPDATE:
            st = c->leaf == a->committer ? change_update(j, c) : ST_AUTHORIZE_REFERENCE;
            break;
        case MLS_CHANGE_EXTENSIONS:
            break; /* judge_context compares old and new */
        case MLS_CHANGE_PSK:
        default:
            st = ST_AUTHORIZE_LATER;
        }
    }
    return st;
}

/* ---- a leaf replaced by a fresh one of its device ---- */

static bool readd_fits(const struct judge *j, const struct readd_request *q, const struct judge_member *old,
                       const struct judge_member *fresh)
{
    uint8_t leaf_hash[HASH_LEN], package_hash[HASH_LEN];
    hash_bytes(old->change->leaf_old, leaf_hash);
    hash_bytes(fresh->change->key_package, package_hash);
    return ID_EQUAL(&q->scope, &j->context->scope) && q->generation == j->context->generation &&
           ID_EQUAL(&q->device, &old->certificate.device) &&
           memcmp(q->old_leaf_hash, leaf_hash, HASH_LEN) == 0 &&
           memcmp(q->key_package_hash, package_hash, HASH_LEN) == 0 && readd_request_verify(q) == ST_OK;
}

static bool is_requested(const struct judge *j, const struct judge_member *old,
                         const struct judge_member *fresh)
{
    const struct judge_record *r;
    size_t i = 0;
    while ((r = judge_next(j, EVIDENCE_READD, &i))) {
        struct readd_request q;
        if (readd_request_decode(&q, r->body) == ST_OK && readd_fits(j, &q, old, fresh))
            return true;
    }
    return false;
}

static void mark_readded(struct judge *j)
{
    for (size_t i = 0; i < j->member_count; i++) {
        for (size_t k = 0; k < j->member_count; k++) {
            struct judge_member *old = &j->members[i], *fresh = &j->members[k];
            if (!old->gone || !fresh->is_new ||
                !ID_EQUAL(&old->certificate.device, &fresh->certificate.device) ||
                !person_ref_equal(&old->certificate.who, &fresh->certificate.who))
                continue;
            if (is_requested(j, old, fresh))
                old->readded = fresh->readded = true;
        }
    }
}

/* ---- the commit ---- */

static enum status judge_founding(struct judge *j)
{
    enum status st = j->committer->leaf == 0 ? ST_OK : ST_AUTHORIZE_COMMITTER;
    for (size_t i = 0; st == ST_OK && i < j->member_count; i++) {
        struct judge_member *m = &j->members[i];
        if (!m->is_new && m != j->committer)
            return ST_AUTHORIZE_COMMITTER;
        st = judge_certificate(j, &m->certificate);
    }
    for (size_t i = 0; i < j->member_count; i++)
        j->members[i].is_new = true;
    j->committer = NULL;
    if (st != ST_OK)
        return st;
    return j->context->kind == SCOPE_CONVERSATION ? judge_conversation(j) : judge_family_scope(j);
}

static enum status judge_commit(struct judge *j, const struct authorize_args *a)
{
    enum status st = judge_read_evidence(j, a);
    if (st == ST_OK)
        st = read_leaves(j, a->leaves, a->leaf_count);
    if (st == ST_OK)
        st = apply_changes(j, a);
    if (st == ST_OK)
        st = judge_context(j, a);
    j->committer = member_at(j, a->committer);
    if (st == ST_OK && (!j->committer || j->committer->gone))
        st = ST_AUTHORIZE_COMMITTER;
    if (st == ST_OK)
        st = judge_tree(j);
    if (st != ST_OK)
        return st;
    if (a->founding)
        return judge_founding(j);
    mark_readded(j);
    st = j->context->kind == SCOPE_CONVERSATION ? judge_conversation(j) : judge_family_scope(j);
    return st == ST_OK ? judge_race(j, a) : st;
}

/* Leaves out the families that the new context no longer names. */
static void hand_out(const struct chains *from, const struct kith_context *context, struct chains *to)
{
    to->has_roster = from->has_roster;
    to->roster = from->roster;
    for (size_t i = 0; i < from->family_count; i++)
        if (kith_context_family(context, &from->families[i].family))
            to->families[to->family_count++] = from->families[i];
}

enum status authorize_commit(const struct authorize_args *a, struct chains *after)
{
    struct judge *j = judge_new(a->after);
    if (after)
        memset(after, 0, sizeof *after);
    if (!j)
        return ST_NO_MEMORY;
    enum status st = judge_commit(j, a);
    if (st == ST_OK && after)
        hand_out(j->chains, a->after, after);
    judge_free(j);
    return st;
}

/* ---- joining ---- */

static enum status replay_chains(struct chains *c, const struct admission *a)
{
    enum status st = ST_OK;
    c->has_roster = a->roster.count > 0;
    if (c->has_roster && a->chain_count != 1)
        return ST_ADMISSION_HEADS;
    for (size_t i = 0; st == ST_OK && i < a->chain_count; i++) {
        struct authority *at = &c->families[c->family_count++];
        st = c->has_roster ? roster_replay(&c->roster, at, &a->chains[i].entries, &a->roster)
                           : authority_replay(at, &a->chains[i].entries);
        if (st == ST_OK && !ID_EQUAL(&at->family, &a->chains[i].family))
            st = ST_ADMISSION_HEADS;
    }
    return st;
}

static bool heads_fit(const struct chains *c, const struct kith_context *k)
{
    if (c->family_count != k->family_count || c->has_roster != (k->kind != SCOPE_CONVERSATION))
        return false;
    for (size_t i = 0; i < k->family_count; i++) {
        const struct authority *a = chains_family_const(c, &k->families[i].family);
        if (!a || a->head.height != k->families[i].head.height ||
            !ID_EQUAL(&a->head.hash, &k->families[i].head.hash))
            return false;
    }
    return !c->has_roster ||
           (c->roster.head.height == k->roster.height && ID_EQUAL(&c->roster.head.hash, &k->roster.hash));
}

static enum status collect(struct judge *j, enum evidence_kind kind, const struct wire_list *list)
{
    struct span rest = list->bytes, item;
    enum status st = ST_OK;
    while (st == ST_OK && wire_list_next(&rest, &item))
        st = judge_add_record(j, kind, item);
    return st;
}

static enum status judge_admission(struct judge *j, const struct admission_args *a)
{
    const struct admission *d = a->admission;
    enum status st = ST_OK;
    if (!ID_EQUAL(&d->scope, &a->context->scope) || d->generation != a->context->generation)
        st = ST_ADMISSION_SCOPE;
    if (st == ST_OK)
        st = replay_chains(j->chains, d);
    if (st == ST_OK && !heads_fit(j->chains, a->context))
        st = ST_ADMISSION_HEADS;
    if (st == ST_OK)
        st = collect(j, EVIDENCE_CERTIFICATE, &d->certificates);
    if (st == ST_OK)
        st = collect(j, EVIDENCE_PERMIT, &d->permits);
    if (st == ST_OK)
        st = read_leaves(j, a->leaves, a->leaf_count);
    for (size_t i = 0; st == ST_OK && i < j->member_count; i++) {
        j->members[i].is_new = true; /* to a joiner every member and every pair is new */
        st = judge_certificate(j, &j->members[i].certificate);
    }
    if (st == ST_OK)
        st = judge_tree(j);
    if (st != ST_OK)
        return st;
    return j->context->kind == SCOPE_CONVERSATION ? judge_conversation(j) : judge_family_scope(j);
}

enum status admission_judge(const struct admission_args *a, struct chains *at)
{
    struct judge *j = judge_new(a->context);
    memset(at, 0, sizeof *at);
    if (!j)
        return ST_NO_MEMORY;
    enum status st = judge_admission(j, a);
    if (st == ST_OK)
        memcpy(at, j->chains, sizeof *at);
    judge_free(j);
    return st;
}

/* ---- for sync/ ---- */

enum status authorize_members(const struct kith_context *context, const struct chains *at,
                              const struct authorize_leaf *leaves, size_t leaf_count,
                              struct authorize_member out[static WIRE_PERSONS_MAX], size_t *count)
{
    struct judge_persons persons = {0};
    struct judge *j = judge_new(context);
    *count = 0;
    if (!j)
        return ST_NO_MEMORY;
    memcpy(j->chains, at, sizeof *at);
    enum status st = read_leaves(j, leaves, leaf_count);
    if (st == ST_OK)
        st = judge_persons_of(j, false, &persons);
    for (size_t i = 0; st == ST_OK && i < persons.count; i++)
        out[(*count)++] = (struct authorize_member){.who = persons.at[i].who,
                                                    .overseer = persons.at[i].overseer,
                                                    .supervised = persons.at[i].supervised};
    judge_free(j);
    return st;
}

enum status authorize_key_package_hash(struct span mls_message, uint8_t out[static HASH_LEN])
{
    struct reader r;
    memset(out, 0, HASH_LEN);
    reader_init(&r, mls_message);
    uint16_t version = reader_u16(&r), format = reader_u16(&r);
    if (r.failed != ST_OK || version != 1 || format != 5) /* RFC 9420 §6: mls10, mls_key_package */
        return ST_WIRE_VALUE;
    hash_bytes(reader_take(&r, reader_left(&r)), out);
    return ST_OK;
}
