/* SPDX-License-Identifier: Apache-2.0 */
/* What device/authorize needs, gathered for commits and for Admissions. */
#include "device/authorize.h"
#include "sync/family.h"
#include "sync/scope_internal.h"

/* The chains of all families at the heads that a context names. */
static enum status chains_at(struct node *n, const struct kith_context *context, struct chains *out)
{
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < context->family_count; i++) {
        struct authority *a = NULL;
        st = family_authority_at(n, &context->families[i].family, context->families[i].head.height, &a);
        if (st == ST_OK && !ID_EQUAL(&a->head.hash, &context->families[i].head.hash)) {
            st = ST_CHAIN_FORK;
        }
        if (st == ST_OK) {
            out->families[out->family_count++] = *a;
        }
        mem_free(a, sizeof(*a));
    }
    out->has_roster = context->kind != SCOPE_CONVERSATION;
    if (st == ST_OK && out->has_roster) {
        st = family_roster_at(n, &context->families[0].family, context->roster.height, &out->roster);
    }
    return st;
}

static size_t leaves_of(const struct group *g, struct authorize_leaf *out)
{
    struct mls_member m;
    size_t count = 0;
    for (uint32_t at = 0; count < WIRE_LEAVES_MAX && mls_group_next_member(g->mls, &at, &m);) {
        out[count++] = (struct authorize_leaf){m.leaf, m.identity, m.leaf_node};
    }
    return count;
}

enum status group_authors(struct node *n, const struct group *g, struct person_ref out[ADMISSION_AUTHORS_MAX],
                          size_t *count)
{
    struct query q;
    *count = 0;
    query_start(&q, &n->sql,
                "SELECT author_family, author_person FROM epoch WHERE grp = ? ORDER BY epoch DESC LIMIT 2",
                "i", g->id);
    while (query_next(&q) && !query_null(&q, 0)) {
        QUERY_ID(&q, 0, &out[*count].family);
        QUERY_ID(&q, 1, &out[*count].person);
        (*count)++;
    }
    return query_end(&q);
}

enum status group_judge(struct node *n, struct group *g, const struct mls_staged *s,
                        const struct evidence_set *evidence)
{
    struct kith_context before, after;
    struct authorize_leaf leaves[WIRE_LEAVES_MAX];
    struct person_ref authors[ADMISSION_AUTHORS_MAX];
    struct span data;
    struct authorize_args a = {.before = &before, .after = &after, .leaves = leaves, .authors = authors};
    struct chains *chains = chains_new();
    enum status st = chains ? group_context(g, &before) : ST_NO_MEMORY;
    if (st == ST_OK) {
        st = mls_staged_extension(s, KITH_CONTEXT_EXTENSION, &data) ? kith_context_decode(&after, data)
                                                                    : ST_AUTHORIZE_CONTEXT;
    }
    if (st == ST_OK) {
        st = chains_at(n, &before, chains);
    }
    if (st == ST_OK) {
        st = group_authors(n, g, authors, &a.author_count);
    }
    if (st == ST_OK) {
        a.at = chains;
        a.leaf_count = leaves_of(g, leaves);
        a.change_count = mls_staged_changes(s, &a.changes);
        a.committer = mls_staged_committer(s);
        a.authenticated_data = mls_staged_authenticated_data(s);
        a.evidence = evidence->records;
        a.evidence_count = evidence->count;
        a.founding = mls_staged_is_own(s) && group_is_founding(g);
        st = authorize_commit(&a, NULL);
    }
    chains_free(chains);
    return st;
}

enum status group_judge_joined(struct node *n, struct mls_group *mls, const struct kith_context *context,
                               const struct admission *admission)
{
    struct authorize_leaf leaves[WIRE_LEAVES_MAX];
    struct group view = {.mls = mls};
    (void)n;
    struct chains *at = chains_new();
    if (!at) {
        return ST_NO_MEMORY;
    }
    struct admission_args a = {admission, context, leaves, leaves_of(&view, leaves)};
    enum status st = admission_judge(&a, at);
    chains_free(at);
    return st;
}

/* ---- who is in a group ---- */

struct group_people {
    uint64_t epoch;
    size_t count;
    struct authorize_member members[WIRE_PERSONS_MAX];
};

void group_people_free(struct group *g)
{
    mem_free(g->people, sizeof(*g->people));
    g->people = NULL;
}

static enum status read_people(struct node *n, const struct group *g, struct group_people *p)
{
    struct kith_context context;
    struct authorize_leaf leaves[WIRE_LEAVES_MAX];
    struct chains *chains = chains_new();
    enum status st = chains ? group_context(g, &context) : ST_NO_MEMORY;
    if (st == ST_OK) {
        st = chains_at(n, &context, chains);
    }
    if (st == ST_OK) {
        st = authorize_members(&context, chains, leaves, leaves_of(g, leaves), p->members, &p->count);
    }
    chains_free(chains);
    return st;
}

/* An epoch's context names the chains by hash and its tree stands, so this is worked out once an epoch. */
enum status group_members(struct node *n, struct group *g, struct authorize_member *out, size_t *count)
{
    uint64_t epoch = mls_group_epoch(g->mls);
    *count = 0;
    if (g->people && g->people->epoch != epoch) {
        group_people_free(g);
    }
    if (!g->people) {
        struct group_people *p = mem_alloc(1, sizeof(*p));
        enum status st = p ? read_people(n, g, p) : ST_NO_MEMORY;
        if (st != ST_OK) {
            mem_free(p, sizeof(*p));
            return st;
        }
        p->epoch = epoch;
        g->people = p;
    }
    *count = g->people->count;
    memcpy(out, g->people->members, *count * sizeof(*out));
    return ST_OK;
}
