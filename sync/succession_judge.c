/* SPDX-License-Identifier: Apache-2.0 */
/* Which of two groups of a scope a member goes by (protocol.md §5.4): no exception, so that all end in one.
 */
#include "sync/family.h"
#include "sync/reconcile.h"
#include "sync/relays.h"
#include "sync/removal.h"
#include "sync/succession.h"

enum judge_limits {
    HOUR_MS = 3600 * 1000,
    AN_HOUR = 3 /* generations that a member goes along with; founders wait an hour from one to the next */
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

/* ---- who brings it, and how far it knows ---- */

/* A later group by an Admission alone says nothing of what it follows. Who adds us there by a commit is of
 * our own family, or of a person of the group that is here. */
static enum status judge_adder(const struct node *n, const struct group *old, const struct group *view,
                               const struct device_id *from)
{
    struct device_certificate c;
    struct person_ref persons[WIRE_LEAVES_MAX];
    size_t count = group_persons(old, persons, WIRE_LEAVES_MAX);
    bool member = false;
    for (uint32_t at = 0; !member && group_next(view, &at, &c);) {
        bool it = ID_EQUAL(&c.device, from);
        member = it && ID_EQUAL(&c.who.family, &n->self.family);
        for (size_t i = 0; it && i < count; i++) {
            member = member || person_ref_equal(&persons[i], &c.who);
        }
    }
    return member ? ST_OK : ST_SUCCESSOR_SENDER;
}

static bool is_behind(const struct chain_head *now, const struct chain_head *before)
{
    return now->height < before->height ||
           (now->height == before->height && !ID_EQUAL(&now->hash, &before->hash));
}

/* What a chain forbids and a commit has brought stays so: its families' heads go back nowhere. */
static enum status heads_go_on(const struct group *old, const struct kith_context *next)
{
    struct kith_context before;
    enum status st = group_context(old, &before);
    for (size_t i = 0; st == ST_OK && i < before.family_count; i++) {
        const struct family_head *f = kith_context_family(next, &before.families[i].family);
        st = f && is_behind(&f->head, &before.families[i].head) ? ST_SUCCESSOR_HEADS : ST_OK;
    }
    if (st == ST_OK && old->kind != SCOPE_CONVERSATION && is_behind(&next->roster, &before.roster)) {
        st = ST_SUCCESSOR_HEADS;
    }
    return st;
}

/* Founders keep to one an hour, and members see to it: who founds without end leads nobody along. */
static enum status judge_pace(struct node *n, const struct group *old)
{
    int64_t lately = 0;
    if (old->state != GROUP_ACTIVE) {
        return ST_OK;
    }
    enum status st = sql_number(
        &n->sql, &lately, 0,
        "SELECT count(DISTINCT generation) FROM mls_group WHERE scope = ?1 AND generation > 0 AND founded_at"
        " BETWEEN ?2 - ?3 AND ?2",
        "bii", SPAN_ID(&old->scope), n->now.wall_ms, (int64_t)HOUR_MS);
    return st == ST_OK && lately >= AN_HOUR ? ST_SUCCESSOR_SOON : st;
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
    if (memcmp(s->old_founding, old->founding, HASH_LEN) != 0) {
        return ST_OK;
    }
    if (s->old_generation != old->generation) {
        return ST_SUCCESSOR_TREE;
    }
    if (s->epoch != old->epoch) {
        return ST_OK;
    }
    mls_group_tree_hash(old->mls, hash);
    bool same = memcmp(hash, s->tree_hash, HASH_LEN) == 0;
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

/* `told`: by its Successor. An Admission alone, of which nobody can tell who founded it, and when, is for who
 * cannot go on otherwise. */
static enum status judge_order(struct node *n, const struct group *old, const struct mls_group *mls,
                               bool told)
{
    bool gone = false, nobody_came = group_is_founding(old); /* our own, of which nobody has heard */
    enum status st = founded_with_gone(n, old, &gone);
    bool lower = is_lower(mls, old->mls) && (told || old->state != GROUP_ACTIVE);
    return st == ST_OK && !gone && !nobody_came && !lower ? ST_SUCCESSOR_LOSES : st;
}

static enum status judge_members(struct node *n, const struct group *old, const struct group *view)
{
    struct judged x;
    enum status st = judged_init(n, old, &x);
    if (st == ST_OK) {
        st = nobody_removed(&x, view);
    }
    return st == ST_OK ? nobody_missing(&x, view) : st;
}

/* A conversation's founder that is behind brings no harm but to its relays: whoever stands in it commits the
 * heads again. Where it is refused all the same, it is answered. */
static enum status judge_context(struct node *n, const struct group *old, const struct group *view)
{
    struct kith_context context;
    enum status st = group_context(view, &context);
    if (st == ST_OK) {
        st = heads_go_on(old, &context);
    }
    bool behind = st == ST_SUCCESSOR_HEADS;
    if (st == ST_OK || (behind && old->kind == SCOPE_CONVERSATION)) {
        st = relays_judge(n, old, &context);
    }
    return st == ST_SUCCESSOR_RELAY && behind ? ST_SUCCESSOR_HEADS : st;
}

enum status succession_judge(struct node *n, struct group *old, struct mls_group *mls,
                             const struct admission *a, const struct successor *s,
                             const struct device_id *from)
{
    struct group view = {.mls = mls};
    if (a->generation < old->generation) {
        return ST_GROUP_EPOCH_OVER;
    }
    if (a->generation - old->generation > SUCCESSION_AHEAD_MAX) {
        return ST_SUCCESSOR_AHEAD;
    }
    enum status st = s ? ST_OK : judge_adder(n, old, &view, from);
    if (st == ST_OK) {
        st = judge_members(n, old, &view);
    }
    if (st == ST_OK) {
        st = judge_context(n, old, &view);
    }
    if (st == ST_OK && s) {
        st = judge_predecessor(old, &view, s, from);
    }
    if (st == ST_OK) {
        st = a->generation > old->generation ? judge_pace(n, old) : judge_order(n, old, mls, s != NULL);
    }
    return st;
}

/* ---- the letter ---- */

/* Why somebody is left out: known here from now on. */
static enum status take_reasons(struct node *n, const struct successor *s)
{
    struct evidence_record r;
    struct span rest = s->evidence.bytes, item;
    enum status st = ST_OK;
    while (st == ST_OK && wire_list_next(&rest, &item)) {
        st = evidence_record_decode(&r, item);
        if (st == ST_OK && r.kind == EVIDENCE_REVOCATION) {
            st = revocation_keep(n, r.body);
            st = status_is_fatal(st) ? st : ST_OK; /* one that does not count here is no reason */
        }
    }
    return st;
}

enum status succession_judge_letter(struct node *n, const struct successor *s, const struct admission *a,
                                    const struct mls_group *mls)
{
    uint8_t name[SUCCESSOR_NAME_LEN];
    enum status st = successor_name(s, name);
    if (st == ST_OK && (!span_equal(mls_group_id(mls), SPAN(name)) || !ID_EQUAL(&s->scope, &a->scope) ||
                        s->generation != a->generation)) {
        st = ST_SUCCESSOR_NAME;
    }
    return st == ST_OK ? take_reasons(n, s) : st;
}

enum status succession_take_reasons(struct node *n, struct span letter)
{
    struct successor s;
    if (successor_decode(&s, letter) != ST_OK) {
        return ST_OK;
    }
    enum status st = take_reasons(n, &s);
    return status_is_fatal(st) ? st : ST_OK;
}

bool succession_is_final(enum status why)
{
    return why == ST_SUCCESSOR_NAME || why == ST_SUCCESSOR_AHEAD || why == ST_SUCCESSOR_TREE ||
           why == ST_SUCCESSOR_REMOVED || why == ST_SUCCESSOR_SENDER;
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

enum status succession_goes_on(struct node *n, const struct group *g, const struct succession_since *since)
{
    return sql_run(&n->sql, "UPDATE mls_group SET since_generation = ?, since_epoch = ? WHERE id = ?", "iii",
                   since->generation, since->epoch, g->id);
}

enum status succession_entered(struct node *n, struct group *g)
{
    struct device_certificate c;
    enum status st = ST_OK;
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
