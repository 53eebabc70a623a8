/* SPDX-License-Identifier: Apache-2.0 */
/* Tampered devices must not win every race against their own removal (protocol.md §5.3, 7): who made one of
 * the last epochs makes no commit that could be repeated without end. docs/models/storm.pml tries the rule.
 */
#include "device/authorize_internal.h"
#include "protocol/mls/leaf_node.h"

static bool is_recent(const struct authorize_race *r, const struct person_ref *who)
{
    size_t window = r->persons > 0 ? r->persons - 1 : 0;
    window = window < ADMISSION_AUTHORS_MAX ? window : ADMISSION_AUTHORS_MAX;
    for (size_t i = 0; i < window && i < r->author_count; i++)
        if (person_ref_equal(&r->authors[i], who))
            return true;
    return false;
}

bool authorize_refresh_waits(const struct authorize_race *r)
{
    return is_recent(r, r->by);
}

bool authorize_leave_waits(const struct authorize_race *r)
{
    bool in_a_row = r->author_count > 1 && person_ref_equal(&r->authors[0], &r->authors[1]);
    return is_recent(r, r->by) || in_a_row;
}

bool authorize_leaf_is_fresh(struct span leaf_node)
{
    struct leaf_node n;
    return leaf_node_decode(&n, leaf_node) != ST_OK || n.source == LEAF_KEY_PACKAGE;
}

bool authorize_readd_waits(const struct authorize_race *r, const struct person_ref *whom,
                           struct span leaf_node, bool third)
{
    if (person_ref_equal(whom, r->by))
        return is_recent(r, r->by);
    if (!third)
        return false;
    bool made_last = r->author_count > 0 && person_ref_equal(&r->authors[0], r->by);
    return (is_recent(r, r->by) && is_recent(r, whom)) || (made_last && authorize_leaf_is_fresh(leaf_node));
}

static bool has_third(const struct judge *j, const struct person_ref *by, const struct person_ref *whom)
{
    for (size_t i = 0; i < j->member_count; i++) {
        const struct judge_member *m = &j->members[i];
        if (!m->is_new && !person_ref_equal(&m->certificate.who, by) &&
            !person_ref_equal(&m->certificate.who, whom) && !authorize_leaf_is_fresh(m->leaf_node))
            return true;
    }
    return false;
}

static size_t persons_before(const struct judge *j)
{
    size_t count = 0;
    for (size_t i = 0; i < j->member_count; i++) {
        const struct judge_member *m = &j->members[i];
        bool first = !m->is_new;
        for (size_t k = 0; first && k < i; k++)
            first = j->members[k].is_new ||
                    !person_ref_equal(&j->members[k].certificate.who, &m->certificate.who);
        count += first;
    }
    return count;
}

struct deeds { /* what a commit does to the tree */
    size_t readded, left, comes, goes;
};

static struct deeds deeds_of(const struct judge *j)
{
    struct deeds d = {0};
    for (size_t i = 0; i < j->member_count; i++) {
        const struct judge_member *m = &j->members[i];
        d.readded += m->gone && m->readded;
        d.left += m->gone && m->left;
        d.goes += m->gone && !m->readded && !m->left;
        d.comes += m->is_new && !m->readded;
    }
    return d;
}

enum status judge_race(const struct judge *j, const struct authorize_args *a)
{
    const struct authorize_race r = {a->authors, a->author_count, persons_before(j),
                                     &j->committer->certificate.who};
    const struct deeds d = deeds_of(j);
    if (j->heads_moved || d.goes > 0) /* that ends some day: a removal is never kept waiting */
        return ST_OK;
    if (d.readded + d.left + d.comes == 0)
        return authorize_refresh_waits(&r) ? ST_AUTHORIZE_REFRESH : ST_OK;
    for (size_t i = 0; i < j->member_count; i++) {
        const struct judge_member *m = &j->members[i];
        /* Who leaves may be added and leave again: that is no other than being added again. */
        bool repeats = m->gone && (m->left || d.comes == 0);
        const struct person_ref *whom = &m->certificate.who;
        if (m->gone && m->left && person_ref_equal(whom, r.by) && authorize_leave_waits(&r))
            return ST_AUTHORIZE_REFRESH;
        if (repeats && authorize_readd_waits(&r, whom, m->leaf_node, has_third(j, r.by, whom)))
            return ST_AUTHORIZE_REFRESH;
    }
    return ST_OK;
}
