/* SPDX-License-Identifier: Apache-2.0 */
#include "device/authorize_internal.h"
#include "protocol/family_relays.h"

/* ---- reading what a commit names ---- */

enum status judge_add_record(struct judge *j, enum evidence_kind kind, struct span body)
{
    if (j->record_count == JUDGE_RECORDS_MAX)
        return ST_AUTHORIZE_LIMIT;
    j->records[j->record_count++] = (struct judge_record){kind, body};
    return ST_OK;
}

const struct judge_record *judge_next(const struct judge *j, enum evidence_kind kind, size_t *at)
{
    while (*at < j->record_count) {
        const struct judge_record *r = &j->records[(*at)++];
        if (r->kind == kind)
            return r;
    }
    return NULL;
}

/* The chain of a family, a new one when the group does not know it yet. */
static enum status family_slot(struct chains *c, const struct family_id *f, const struct chain_entry *e,
                               struct authority **out)
{
    *out = chains_family(c, f);
    if (*out)
        return ST_OK;
    if (e->height != 0)
        return ST_AUTHORIZE_EVIDENCE;
    if (c->family_count == WIRE_PERSONS_MAX)
        return ST_AUTHORIZE_LIMIT;
    *out = &c->families[c->family_count++];
    return ST_OK;
}

/* §5.3: evidence extends the heads that the context names, entry by entry; a repeated one is a defect too. */
static enum status extend_chain(struct judge *j, const struct evidence_record *record)
{
    struct chain_entry e;
    struct authority *a;
    enum status st = chain_entry_decode(&e, record->body);
    if (st != ST_OK)
        return st;
    if (e.chain == CHAIN_ROSTER) {
        a = chains_family(j->chains, &record->family);
        if (!j->chains->has_roster || !a)
            return ST_AUTHORIZE_EVIDENCE;
        return roster_apply(&j->chains->roster, a, &e);
    }
    st = family_slot(j->chains, &record->family, &e, &a);
    if (st == ST_OK)
        st = authority_apply(a, &e);
    if (st == ST_OK && !ID_EQUAL(&a->family, &record->family))
        st = ST_AUTHORIZE_EVIDENCE;
    return st;
}

static enum status read_record(struct judge *j, struct span encoded, const struct entry_hash *named)
{
    struct evidence_record record;
    struct entry_hash hash;
    enum status st = evidence_record_hash(encoded, &hash);
    if (st == ST_OK && !ID_EQUAL(&hash, named))
        st = ST_AUTHORIZE_EVIDENCE;
    if (st == ST_OK)
        st = evidence_record_decode(&record, encoded);
    if (st != ST_OK)
        return st;
    return record.kind == EVIDENCE_CHAIN_ENTRY ? extend_chain(j, &record)
                                               : judge_add_record(j, record.kind, record.body);
}

enum status judge_read_evidence(struct judge *j, const struct authorize_args *a)
{
    struct commit_data data = {0};
    struct entry_hash named;
    size_t total = 0;
    enum status st = ST_OK;
    memcpy(j->chains, a->at, sizeof *j->chains);
    if (a->authenticated_data.len > 0)
        st = commit_data_decode(&data, a->authenticated_data);
    if (st == ST_OK && data.count != a->evidence_count)
        st = ST_AUTHORIZE_EVIDENCE;
    for (size_t i = 0; st == ST_OK && i < data.count; i++) {
        total += a->evidence[i].len;
        if (total > EVIDENCE_COMMIT_MAX)
            return ST_AUTHORIZE_LIMIT;
        commit_data_hash_at(&data, i, &named);
        st = read_record(j, a->evidence[i], &named);
    }
    return st;
}

/* ---- the new context ---- */

static bool same_but_heads(const struct kith_context *a, const struct kith_context *b)
{
    return a->kind == b->kind && ID_EQUAL(&a->scope, &b->scope) && a->generation == b->generation;
}

static bool same_relays(const struct kith_context *a, const struct kith_context *b)
{
    bool same = a->relay_count == b->relay_count;
    for (size_t i = 0; same && i < a->relay_count; i++)
        same = span_equal(a->relays[i], b->relays[i]);
    return same;
}

/* The relays of a group are those that the family's chain said last, and change in the commit that carries
 * its heads over that entry, and in no other: a member has nothing to choose. A conversation follows the
 * family that it is at home with: one of whose relays, old or new, it uses. Where both families are that and
 * both have said something, either's will do. */
static enum status judge_relays(const struct judge *j, const struct authorize_args *a)
{
    struct family_relays before, after;
    bool said = false, follows = false, talk = a->after->kind == SCOPE_CONVERSATION;
    if (family_relays_of(a->before, &before) != ST_OK || family_relays_of(a->after, &after) != ST_OK)
        return same_relays(a->before, a->after) ? ST_OK : ST_AUTHORIZE_RELAYS;
    for (size_t i = 0; i < a->after->family_count; i++) {
        const struct authority *old = chains_family_const(a->at, &a->after->families[i].family);
        const struct authority *new = chains_family_const(j->chains, &a->after->families[i].family);
        if (!new || new->relays_at == (old ? old->relays_at : 0))
            continue;
        if (talk && !family_relays_meet(&before, &new->relays) &&
            !(old && family_relays_meet(&before, &old->relays)))
            continue;
        said = true;
        follows = follows || family_relays_equal(&after, &new->relays);
    }
    return (said ? follows : family_relays_equal(&before, &after)) ? ST_OK : ST_AUTHORIZE_RELAYS;
}

static bool head_equal(const struct chain_head *a, const struct chain_head *b)
{
    return a->height == b->height && ID_EQUAL(&a->hash, &b->hash);
}

static bool is_old_head(const struct kith_context *before, const struct family_head *f)
{
    const struct family_head *old = kith_context_family(before, &f->family);
    return old && head_equal(&old->head, &f->head);
}

/* The chains that were handed in are those that the context names: the caller's duty, checked because all
 * that follows stands on it. */
static enum status chains_are_at(const struct chains *c, const struct kith_context *k)
{
    for (size_t i = 0; i < k->family_count; i++) {
        const struct authority *a = chains_family_const(c, &k->families[i].family);
        if (!a || !head_equal(&a->head, &k->families[i].head))
            return ST_AUTHORIZE_HEADS;
    }
    if (k->kind != SCOPE_CONVERSATION && (!c->has_roster || !head_equal(&c->roster.head, &k->roster)))
        return ST_AUTHORIZE_HEADS;
    return ST_OK;
}

/* A chain that no member's family needs any more may be left out of the context; no other. */
static bool family_has_member(const struct judge *j, const struct family_id *f)
{
    for (size_t i = 0; i < j->member_count; i++)
        if (judge_stays(&j->members[i]) && ID_EQUAL(&j->members[i].certificate.who.family, f))
            return true;
    return false;
}

enum status judge_context(struct judge *j, const struct authorize_args *a)
{
    enum status st = same_but_heads(a->before, a->after) ? ST_OK : ST_AUTHORIZE_CONTEXT;
    if (st == ST_OK)
        st = chains_are_at(a->at, a->before);
    if (st == ST_OK)
        st = chains_are_at(j->chains, a->after);
    if (st == ST_OK)
        st = judge_relays(j, a);
    if (st != ST_OK)
        return st;
    for (size_t i = 0; i < j->chains->family_count; i++) {
        const struct family_id *f = &j->chains->families[i].family;
        bool named = kith_context_family(a->after, f) != NULL, needed = family_has_member(j, f);
        if (needed && !named)
            return ST_AUTHORIZE_HEADS;
        if (named && !needed && !kith_context_family(a->before, f))
            return ST_AUTHORIZE_HEADS;
    }
    j->heads_moved = a->before->family_count != a->after->family_count ||
                     !head_equal(&a->before->roster, &a->after->roster);
    for (size_t i = 0; i < a->after->family_count; i++)
        j->heads_moved = j->heads_moved || !is_old_head(a->before, &a->after->families[i]);
    return j->chains->has_roster ? roster_agrees(&j->chains->roster, &j->chains->families[0]) : ST_OK;
}
