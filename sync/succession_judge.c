/* SPDX-License-Identifier: Apache-2.0 */
/* Which of two groups of a scope a member goes by (protocol.md §5.4): no exception, so that all end in one.
 */
#include "sync/family.h"
#include "sync/reconcile.h"
#include "sync/relays.h"
#include "sync/removal.h"
#include "sync/succession.h"

enum judge_limits {
    AHEAD_MAX = 16 /* generations: who was away for that many is added again, or founds anew */
};

/* ---- devices that do not count any more ---- */

struct judged {
    struct node *n;
    const struct group *old;
    struct family_device devices[WIRE_LEAVES_MAX];
    size_t count;
};

static enum status judged_init(struct node *n, const struct group *old, struct judged *x)
{
    x->n = n;
    x->old = old;
    return family_devices(n, NULL, x->devices, WIRE_LEAVES_MAX, &x->count);
}

/* Does a removal that is known here name the device, or does it not belong into the scope any more? */
static bool is_gone(const struct judged *x, const struct device_id *device, const struct person_ref *who)
{
    if (revocation_known(x->n, device)) {
        return true;
    }
    if (!ID_EQUAL(&who->family, &x->n->self.family)) {
        return false;
    }
    for (size_t i = 0; i < x->count; i++) {
        if (ID_EQUAL(&x->devices[i].device, device)) {
            return x->old->kind != SCOPE_CONVERSATION && !reconcile_belongs(x->old, &x->devices[i]);
        }
    }
    return true;
}

enum status succession_gone(struct node *n, const struct group *old, const struct device_certificate *c,
                            bool *gone)
{
    struct judged x;
    enum status st = judged_init(n, old, &x);
    *gone = st == ST_OK && is_gone(&x, &c->device, &c->who);
    return st;
}

/* ---- with whom a group was founded ---- */

/* Had the group, when it was founded, somebody whose removal is known here now? */
static enum status founded_with_gone(struct node *n, const struct group *g, bool *gone)
{
    int64_t count = 0;
    enum status st =
        sql_number(&n->sql, &count, 0,
                   "SELECT count(*) FROM founding f JOIN revocation r ON r.device = f.device WHERE f.grp = ?",
                   "i", g->id);
    *gone = st == ST_OK && count != 0;
    return st;
}

static bool is_in(const struct group *view, const struct device_id *device)
{
    return group_has_device(view, device, NULL);
}

/* Each member of the old group is in the new one, or gone for a reason that is known here. */
static enum status nobody_missing(const struct judged *x, const struct group *view)
{
    struct device_certificate c;
    for (uint32_t at = 0; group_next(x->old, &at, &c);) {
        if (!is_in(view, &c.device) && !is_gone(x, &c.device, &c.who)) {
            return ST_SUCCESSOR_MISSING;
        }
    }
    return ST_OK;
}

static enum status nobody_removed(const struct judged *x, const struct group *view)
{
    struct device_certificate c;
    for (uint32_t at = 0; group_next(view, &at, &c);) {
        if (is_gone(x, &c.device, &c.who)) {
            return ST_SUCCESSOR_REMOVED;
        }
    }
    return ST_OK;
}

/* ---- what it says of the group before ---- */

static bool founder_is(const struct group *old, uint32_t leaf, const struct device_id *from)
{
    struct device_certificate c;
    uint32_t at = leaf;
    return group_next(old, &at, &c) && at == leaf + 1 && ID_EQUAL(&c.device, from);
}

/* Who stands where the founder left the old group sees whether it tells the truth about it. */
static enum status judge_predecessor(const struct group *old, const struct group *view,
                                     const struct successor *s, const struct device_id *from)
{
    uint8_t hash[HASH_LEN];
    struct device_certificate first;
    uint32_t at = 0;
    if (!group_next(view, &at, &first) || !ID_EQUAL(&first.device, from)) {
        return ST_SUCCESSOR_TREE; /* a founder's leaf is the first, and it is the founder who tells of it */
    }
    if (memcmp(s->old_founding, old->founding, HASH_LEN) != 0 || s->epoch != old->epoch) {
        return ST_OK;
    }
    mls_group_tree_hash(old->mls, hash);
    bool same = memcmp(hash, s->tree_hash, HASH_LEN) == 0 && s->old_generation == old->generation;
    return same && founder_is(old, s->founder, from) ? ST_OK : ST_SUCCESSOR_TREE;
}

/* ---- the order of two of one generation ---- */

static bool is_lower(const struct mls_group *a, const struct mls_group *b)
{
    struct span x = mls_group_id(a), y = mls_group_id(b);
    bool one = successor_is_name(x), other = successor_is_name(y);
    if (one != other) {
        return one;
    }
    return x.len == y.len && memcmp(x.ptr, y.ptr, x.len) < 0;
}

enum status succession_judge(struct node *n, struct group *old, struct mls_group *mls,
                             const struct admission *a, const struct successor *s,
                             const struct device_id *from)
{
    struct group view = {.mls = mls};
    struct judged x;
    struct kith_context context;
    bool gone = false;
    if (a->generation < old->generation) {
        return ST_GROUP_EPOCH_OVER;
    }
    if (a->generation - old->generation > AHEAD_MAX) {
        return ST_SUCCESSOR_AHEAD;
    }
    enum status st = judged_init(n, old, &x);
    if (st == ST_OK) {
        st = nobody_removed(&x, &view);
    }
    if (st == ST_OK) {
        st = nobody_missing(&x, &view);
    }
    if (st == ST_OK) {
        st = group_context(&view, &context);
    }
    if (st == ST_OK) {
        st = relays_judge(old, &context, a);
    }
    if (st == ST_OK && s) {
        st = judge_predecessor(old, &view, s, from);
    }
    if (st == ST_OK && a->generation == old->generation) {
        st = founded_with_gone(n, old, &gone);
        bool nobody_came = group_is_founding(old); /* our own, of which nobody has heard */
        st = st == ST_OK && !gone && !nobody_came && !is_lower(mls, old->mls) ? ST_SUCCESSOR_LOSES : st;
    }
    return st;
}

bool succession_is_final(enum status why)
{
    return why == ST_SUCCESSOR_NAME || why == ST_SUCCESSOR_AHEAD || why == ST_SUCCESSOR_TREE ||
           why == ST_SUCCESSOR_REMOVED;
}

/* ---- what goes over ---- */

enum status succession_since(struct node *n, const struct group *g, struct succession_since *out)
{
    int64_t newest = 0;
    struct query q;
    *out = (struct succession_since){g->generation, 0};
    enum status st = sql_number(&n->sql, &newest, 0,
                                "SELECT max(epoch) FROM epoch WHERE grp = ? AND new_person = 1", "i", g->id);
    if (st != ST_OK || newest != 0) {
        out->epoch = newest;
        return st;
    }
    query_start(&q, &n->sql,
                "SELECT since_generation, since_epoch FROM mls_group WHERE id = ? AND since_generation IS NOT"
                " NULL",
                "i", g->id);
    if (query_next(&q)) {
        out->generation = query_int(&q, 0);
        out->epoch = query_int(&q, 1);
    }
    return query_end(&q);
}

enum status succession_entered(struct node *n, struct group *g, const struct succession_since *since)
{
    struct device_certificate c;
    enum status st =
        sql_run(&n->sql, "UPDATE mls_group SET since_generation = ?, since_epoch = ? WHERE id = ?", "iii",
                since->generation, since->epoch, g->id);
    for (uint32_t at = 0; st == ST_OK && group_next(g, &at, &c);) {
        st = succession_founded_with(n, g, &c.device);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "DELETE FROM succession_package WHERE scope = ? AND device != ?", "bb",
                     SPAN_ID(&g->scope), SPAN_ID(&n->self.device));
    }
    return st == ST_OK ? sql_run(&n->sql, "DELETE FROM succession WHERE scope = ? AND generation <= ?", "bi",
                                 SPAN_ID(&g->scope), (int64_t)g->generation)
                       : st;
}

enum status succession_founded_with(struct node *n, const struct group *g, const struct device_id *device)
{
    return sql_run(&n->sql, "INSERT OR IGNORE INTO founding(grp, device) VALUES(?,?)", "ib", g->id,
                   SPAN_ID(device));
}
