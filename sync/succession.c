/* SPDX-License-Identifier: Apache-2.0 */
/* Wanting a successor, asking for what it needs, founding it. Which of several stands: succession_judge.c. */
#include "sync/succession.h"

#include "sync/contact.h"
#include "sync/family.h"
#include "sync/plan.h"
#include "sync/readd.h"
#include "sync/reconcile.h"
#include "sync/relays.h"
#include "sync/removal.h"
#include "sync/restore.h"

enum succession_limits {
    ASK_AGAIN_MS = 10 * 60 * 1000,
    TURN_MS = 60 * 1000, /* by leaf: the first who can founds, the others hear of it */
    DRAWN_MS = 20 * 1000,
    HOPELESS_MS = 24 * 3600 * 1000, /* so long may somebody add this device again, or a member be silent */
    NOT_AGAIN_MS = 3600 * 1000,     /* a successor lives so long before it has one */
    REFUSED_MS = 5 * 60 * 1000,     /* so long may the reason come for what a successor left out */
    BESIDE_MS = 6 * 3600 * 1000,    /* so long may another of the same generation be on its way */
    ELSEWHERE_MS =
        20 * 3600 * 1000, /* … and being added to a later one take: from one daily letter to the next */
    YOUNG_MS = 10 * 60 * 1000, /* after that no other successor of the same generation is expected */
    AT_ONCE = 64
};

/* ---- wanting ---- */

/* By the leaf, then a moment drawn: those before this device found first, if they can. */
static int64_t my_turn(struct node *n, const struct group *g)
{
    struct device_certificate c;
    int64_t rank = 0;
    for (uint32_t at = 0; group_next(g, &at, &c) && !ID_EQUAL(&c.device, &n->self.device);) {
        rank += !revocation_known(n, &c.device);
    }
    return n->now.wall_ms + rank * TURN_MS + node_random_below(n, DRAWN_MS);
}

static enum status want(struct node *n, const struct group *g, uint32_t generation, enum successor_reason why,
                        const char *relay, int64_t due)
{
    node_wake_wall(n, due);
    return sql_run(&n->sql,
                   "INSERT INTO succession(scope, generation, reason, relay, due_at) VALUES(?1,?2,?3,?4,?5)"
                   " ON CONFLICT(scope) DO UPDATE SET relay = iif(?4 = '', relay, ?4), reason = iif(?4 = '',"
                   " reason, ?3), generation = max(generation, ?2)",
                   "biiti", SPAN_ID(&g->scope), (int64_t)generation, (int64_t)why, relay ? relay : "", due);
}

enum status group_succeed(struct node *n, const struct scope_id *scope, enum successor_reason why,
                          const char *relay)
{
    struct group *g = NULL;
    enum status st = group_of_scope(n, scope, &g);
    return st == ST_OK ? want(n, g, g->generation + 1, why, relay, my_turn(n, g)) : st;
}

enum status succession_wanted(struct node *n, const struct scope_id *scope, bool *wanted)
{
    int64_t rows = 0;
    enum status st =
        sql_number(&n->sql, &rows, 0, "SELECT count(*) FROM succession WHERE scope = ?", "b", SPAN_ID(scope));
    *wanted = st == ST_OK && rows != 0;
    return st;
}

enum status group_log_full(struct node *n, const struct log_row *log)
{
    struct group *g = NULL;
    enum status st = group_get(n, log->owner, &g);
    if (st == ST_GROUP_NOT_HERE || (st == ST_OK && (uint64_t)log->epoch != g->epoch)) {
        return st == ST_OK ? logs_unsend_all(n, log->id) : ST_OK;
    }
    struct scope_id scope = g->scope;
    if (st == ST_OK) {
        st = logs_unsend_all(n, log->id); /* nothing of it comes through, and nothing else waits behind it */
    }
    if (st == ST_OK && g->state == GROUP_ACTIVE) {
        st = group_stuck(n, g, "the relay takes no more for this group: it gets a successor");
    }
    return st == ST_OK ? group_succeed(n, &scope, SUCCESSOR_LOG_FULL, NULL) : st;
}

/* The generation after that one, in which others are; for those who are here it must not be too far. */
static uint32_t after(const struct group *g, uint32_t generation)
{
    bool farthest = generation >= g->generation && generation - g->generation >= SUCCESSION_AHEAD_MAX;
    return farthest ? g->generation + SUCCESSION_AHEAD_MAX : generation + 1;
}

/* Another successor was refused here, but not by all, perhaps: one that nobody refuses has to follow. */
enum status succession_refused(struct node *n, const struct refused_group *r, enum status why)
{
    struct group *g = NULL;
    if (why != ST_SUCCESSOR_REMOVED && why != ST_SUCCESSOR_MISSING && why != ST_SUCCESSOR_HEADS) {
        return ST_OK;
    }
    enum status st = succession_take_reasons(n, r->successor);
    if (st == ST_OK) {
        st = group_of_scope(n, r->scope, &g);
    }
    if (st != ST_OK || !group_has_device(g, r->from, NULL) || revocation_known(n, r->from)) {
        return st == ST_GROUP_NOT_HERE ? ST_OK : st;
    }
    /* In its own generation one without the removed goes before it. */
    bool same = why == ST_SUCCESSOR_REMOVED && r->generation > g->generation;
    uint32_t next = same ? r->generation : after(g, r->generation);
    return want(n, g, next, SUCCESSOR_REFUSED, NULL, my_turn(n, g) + REFUSED_MS);
}

/* ---- two of one generation ---- */

enum status succession_not_beside(struct node *n, const struct group *g, const struct device_id *from)
{
    return sql_run(&n->sql, "DELETE FROM other_group WHERE grp = ? AND device = ?", "ib", g->id,
                   SPAN_ID(from));
}

/* Whom a founding's letter has not reached yet says so for a while, and so does this device. */
static enum status note_beside(struct node *n, const struct group *g, const struct device_id *from,
                               const struct beacon *b, int64_t *since)
{
    enum status st = sql_run(
        &n->sql,
        "INSERT INTO other_group VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET founding = excluded.founding,"
        " since = excluded.since WHERE founding != excluded.founding OR since > excluded.since",
        "ibbi", g->id, SPAN_ID(from), SPAN(b->founding_hash), n->now.wall_ms);
    return st == ST_OK ? sql_number(&n->sql, since, n->now.wall_ms,
                                    "SELECT since FROM other_group WHERE grp = ? AND device = ?", "ib", g->id,
                                    SPAN_ID(from))
                       : st;
}

static enum status alarm_beside(struct node *n, const struct group *g, const struct device_id *from)
{
    return device_alarm(n, from, "a member is in another group than this device: somebody showed two",
                        &g->scope);
}

enum status succession_beside(struct node *n, struct group *g, const struct device_id *from,
                              const struct beacon *b)
{
    int64_t since = 0;
    bool later = b->generation > g->generation;
    if (!group_has_device(g, from, NULL) || revocation_known(n, from)) {
        return ST_OK;
    }
    enum status st = note_beside(n, g, from, b, &since);
    if (st == ST_OK && later) {
        st = succession_elsewhere(n, g, from, b->generation);
    }
    if (st != ST_OK || since > n->now.wall_ms - (later ? ELSEWHERE_MS : BESIDE_MS)) {
        return st;
    }
    st = later ? ST_OK : alarm_beside(n, g, from);
    return st == ST_OK ? want(n, g, after(g, b->generation), SUCCESSOR_REFUSED, NULL, my_turn(n, g)) : st;
}

/* ---- which groups cannot go on ---- */

struct hopeless {
    int64_t id, since;
    bool gap;
};

/* Members besides this device that are entitled still, and how many of them ask to be added again, too. */
static enum status count_others(struct node *n, struct group *g, size_t *others, size_t *asking)
{
    struct device_certificate c;
    enum status st = ST_OK;
    *others = *asking = 0;
    for (uint32_t at = 0; st == ST_OK && group_next(g, &at, &c);) {
        int64_t asks = 0;
        bool gone = false;
        st = succession_gone(n, g, &c, &gone);
        if (st != ST_OK || gone || ID_EQUAL(&c.device, &n->self.device)) {
            continue;
        }
        (*others)++;
        st =
            sql_number(&n->sql, &asks, 0,
                       "SELECT count(*) FROM succession_package WHERE scope = ? AND device = ? AND at_ms > ?",
                       "bbi", SPAN_ID(&g->scope), SPAN_ID(&c.device), n->now.wall_ms - 3 * ASK_AGAIN_MS);
        *asking += asks != 0;
    }
    return st;
}

static enum status judge_hopeless(struct node *n, const struct hopeless *h)
{
    struct group *g = NULL;
    size_t others = 0, asking = 0;
    bool wanted = false, late = h->since <= n->now.wall_ms - HOPELESS_MS;
    enum status st = group_get(n, h->id, &g);
    if (st == ST_OK) {
        st = succession_wanted(n, &g->scope, &wanted);
    }
    if (st == ST_OK) {
        st = count_others(n, g, &others, &asking);
    }
    if (st != ST_OK || wanted) {
        return st;
    }
    struct scope_id scope = g->scope;
    if (h->gap) {
        return late ? group_succeed(n, &scope, SUCCESSOR_SILENT, NULL) : ST_OK;
    }
    if (others == 0) {
        return group_succeed(n, &scope, SUCCESSOR_ALONE, NULL);
    }
    if (late || asking == others) {
        return group_succeed(n, &scope, SUCCESSOR_POISONED, NULL);
    }
    node_wake_wall(n, h->since + HOPELESS_MS);
    return ST_OK;
}

static enum status find_hopeless(struct node *n)
{
    struct hopeless found[AT_ONCE];
    size_t count = 0;
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT id, state = 1, iif(state = 1, gap_at, stuck_at) FROM mls_group g WHERE (state = 2 OR"
        " (state = 1 AND gap_at != 0 AND gap_at <= ?)) AND NOT EXISTS (SELECT 1 FROM succession s WHERE"
        " s.scope = g.scope) ORDER BY 3 LIMIT 64",
        "i", n->now.wall_ms - HOPELESS_MS);
    while (count < AT_ONCE && query_next(&q)) {
        found[count].id = query_int(&q, 0);
        found[count].gap = query_int(&q, 1) != 0;
        found[count++].since = query_int(&q, 2);
    }
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = judge_hopeless(n, &found[i]);
    }
    return st;
}

/* ---- founding ---- */

struct wish { /* a row of table succession */
    struct scope_id scope;
    uint32_t generation;
    enum successor_reason reason;
    char relay[WIRE_RELAY_MAX + 1];
    int64_t due_at, asked_at;
    bool all_heads; /* other families' newest heads, too */
};

struct founding {
    struct plan *plan;
    struct buffer evidence;
    struct successor s;
    uint8_t name[SUCCESSOR_NAME_LEN];
    struct device_id members[WIRE_LEAVES_MAX];
    size_t member_count;
};

/* A key package of the device: by letter for this, or of those that it keeps with us. */
static enum status take_package(struct node *n, const struct group *g, const struct device_id *device,
                                struct buffer *out, bool *found)
{
    enum status st =
        sql_bytes(&n->sql, out, found,
                  "SELECT package FROM succession_package WHERE scope = ? AND device = ? AND at_ms > ?",
                  "bbi", SPAN_ID(&g->scope), SPAN_ID(device), n->now.wall_ms - SUCCESSION_PACKAGE_MS);
    return st == ST_OK && !*found ? key_package_take(n, device, out, found) : st;
}

static enum status add_member(struct node *n, const struct group *old, struct plan *p,
                              const struct device_certificate *c, bool *ready)
{
    size_t at = p->add_count;
    bool box = false, package = false;
    enum status st = at < GROUP_ADDS_MAX ? readd_box_of(n, c, &p->boxes[at], &box) : ST_AUTHORIZE_LIMIT;
    if (st == ST_OK && box) {
        st = take_package(n, old, &c->device, &p->packages[at], &package);
    }
    *ready = st == ST_OK && box && package && p->boxes[at].len != 0;
    if (st == ST_OK && *ready) {
        p->adds[at] = (struct group_add){buffer_span(&p->packages[at]), c->who, buffer_span(&p->boxes[at])};
        p->add_count++;
    }
    return st;
}

static enum status add_reason(struct span revocation, struct founding *f)
{
    struct buffer record;
    struct writer w;
    struct evidence_record r = {.kind = EVIDENCE_REVOCATION, .body = revocation};
    buffer_init(&record, EVIDENCE_RECORD_MAX);
    writer_init(&w, &record);
    enum status st = evidence_record_encode(&w, &r);
    if (st == ST_OK && record.len <= SUCCESSOR_RECORD_MAX && f->s.evidence.count < SUCCESSOR_EVIDENCE_MAX) {
        st = wire_list_append(&f->evidence, &f->s.evidence, buffer_span(&record));
    }
    buffer_wipe(&record);
    return st;
}

/* Why leaves are left out, for those who do not know yet: also such as the old group is without already,
 * where a member has not followed so far. */
static enum status add_reasons(struct node *n, const struct group *old, struct founding *f)
{
    struct person_ref persons[WIRE_LEAVES_MAX];
    size_t count = group_persons(old, persons, WIRE_LEAVES_MAX);
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct query q;
        query_start(
            &q, &n->sql,
            "SELECT revocation FROM revocation WHERE family = ? AND person = ? ORDER BY at_ms DESC LIMIT"
            " 8",
            "bb", SPAN_ID(&persons[i].family), SPAN_ID(&persons[i].person));
        while (query_next(&q)) {
            query_fail(&q, add_reason(query_blob(&q, 0), f));
        }
        st = query_end(&q);
    }
    return st;
}

/* The members of the old group, less those who are gone. ST_SUCCESSOR_PACKAGES: a key package is not here. */
static enum status gather(struct node *n, struct group *old, struct founding *f)
{
    struct device_certificate c;
    enum status st = ST_OK;
    bool all = true;
    for (uint32_t at = 0; st == ST_OK && group_next(old, &at, &c);) {
        bool gone = false, ready = true;
        st = succession_gone(n, old, &c, &gone);
        if (st == ST_OK && gone) {
            st = ID_EQUAL(&c.device, &n->self.device) ? ST_REMOVED : ST_OK;
            continue;
        }
        f->members[f->member_count++] = c.device;
        if (st == ST_OK && !ID_EQUAL(&c.device, &n->self.device)) {
            st = add_member(n, old, f->plan, &c, &ready);
        }
        all = all && ready;
    }
    return st == ST_OK && !all ? ST_SUCCESSOR_PACKAGES : st;
}

/* The old context, with this family's newest heads. */
static enum status next_context(struct node *n, const struct group *old, const struct wish *w,
                                struct kith_context *c)
{
    bool known = false;
    enum status st = group_context(old, c);
    for (size_t i = 0; st == ST_OK && i < c->family_count; i++) {
        struct family_head *f = &c->families[i];
        if (w->all_heads || ID_EQUAL(&f->family, &n->self.family)) {
            st = family_head(n, &f->family, CHAIN_AUTHORITY, &f->head, &known);
        }
    }
    if (st == ST_OK && c->kind != SCOPE_CONVERSATION) {
        st = family_head(n, &c->families[0].family, CHAIN_ROSTER, &c->roster, &known);
    }
    c->generation = w->generation;
    return st;
}

static enum status name_it(struct node *n, const struct group *old, const struct wish *w, struct founding *f)
{
    f->s.scope = old->scope;
    f->s.generation = w->generation;
    f->s.old_generation = old->generation;
    memcpy(f->s.old_founding, old->founding, HASH_LEN);
    f->s.epoch = old->epoch;
    mls_group_tree_hash(old->mls, f->s.tree_hash);
    f->s.founder = mls_group_own_leaf(old->mls);
    f->s.reason = w->reason;
    entropy_fill(&n->entropy, f->s.nonce, sizeof(f->s.nonce));
    return successor_name(&f->s, f->name);
}

static enum status add_permits(struct node *n, const struct group *g, struct plan *p)
{
    struct buffer permits[2];
    struct evidence_record r;
    size_t count = 0;
    buffer_init(&permits[0], EVIDENCE_RECORD_MAX);
    buffer_init(&permits[1], EVIDENCE_RECORD_MAX);
    enum status st = g->has_peer ? pair_permits(n, &g->subject, &g->peer, permits, &count) : ST_OK;
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = evidence_record_decode(&r, buffer_span(&permits[i]));
        if (st == ST_OK) {
            st = plan_record(p, &r);
        }
    }
    buffer_wipe(&permits[0]);
    buffer_wipe(&permits[1]);
    return st;
}

/* The new group takes the old one's place here at once: what this device writes from now on is for it. */
static enum status take_place(struct node *n, int64_t old_id, const struct group_found_args *a,
                              const struct founding *f, struct group **out)
{
    struct succession_since since;
    struct group *old = NULL;
    enum status st = group_get(n, old_id, &old);
    if (st == ST_OK) {
        st = succession_since(n, old, &since);
    }
    if (st == ST_OK) {
        st = group_leave(n, old);
    }
    if (st == ST_OK) {
        st = group_found(n, a, out);
    }
    if (st == ST_OK) {
        st = succession_goes_on(n, *out, &since);
    }
    if (st == ST_OK) {
        st = succession_entered(n, *out);
    }
    for (size_t i = 0; st == ST_OK && i < f->member_count; i++) {
        st = succession_founded_with(n, *out, &f->members[i]);
    }
    return st;
}

static enum status found_it(struct node *n, const struct wish *w, struct founding *f)
{
    struct group *old = NULL, *g = NULL;
    struct group_found_args a;
    char relay[WIRE_RELAY_MAX + 1];
    struct family_relays relays;
    memset(&a, 0, sizeof(a));
    enum status st = group_of_scope(n, &w->scope, &old);
    if (st == ST_OK) {
        st = gather(n, old, f);
    }
    if (st == ST_OK) {
        st = add_reasons(n, old, f);
    }
    if (st == ST_OK) {
        st = next_context(n, old, w, &a.context);
    }
    if (st == ST_OK) {
        st = name_it(n, old, w, f);
    }
    if (st != ST_OK) {
        return st;
    }
    a.relay = relay;
    a.has_peer = old->has_peer;
    a.subject = old->subject;
    a.peer = old->peer;
    a.id = f->name;
    st = relays_first(n, old, w->relay, &a.context, &relays);
    sqlite3_snprintf(sizeof(relay), relay, "%s", relays.at[0]);
    if (st == ST_OK) {
        st = take_place(n, old->id, &a, f, &g);
    }
    if (st == ST_OK && f->plan->add_count == 0) {
        return epoch_began(n, g);
    }
    if (st == ST_OK) {
        st = add_permits(n, g, f->plan);
    }
    f->plan->successor = &f->s;
    return st == ST_OK ? plan_commit(n, g, f->plan) : st;
}

static enum status found(struct node *n, void *arg)
{
    struct founding *f = mem_alloc(1, sizeof(*f));
    enum status st = f ? ST_OK : ST_NO_MEMORY;
    if (f) {
        buffer_init(&f->evidence, WIRE_LIST_MAX);
        f->plan = plan_new();
        st = f->plan ? found_it(n, arg, f) : ST_NO_MEMORY;
        plan_free(f->plan);
        buffer_wipe(&f->evidence);
    }
    mem_free(f, sizeof(*f));
    return st;
}

/* ---- what is due ---- */

static enum status load_wish(struct node *n, const struct scope_id *after, struct wish *w, bool *found)
{
    struct query q;
    memset(w, 0, sizeof(*w));
    query_start(&q, &n->sql,
                "SELECT scope, generation, reason, relay, due_at, asked_at FROM succession WHERE scope > ?"
                " ORDER BY scope LIMIT 1",
                "b", SPAN_ID(after));
    *found = query_next(&q);
    if (*found) {
        QUERY_ID(&q, 0, &w->scope);
        w->generation = (uint32_t)query_int(&q, 1);
        w->reason = (enum successor_reason)query_int(&q, 2);
        sqlite3_snprintf(sizeof(w->relay), w->relay, "%s", query_text(&q, 3));
        w->due_at = query_int(&q, 4);
        w->asked_at = query_int(&q, 5);
    }
    return query_end(&q);
}

static enum status drop_wish(struct node *n, const struct wish *w)
{
    return sql_run(&n->sql, "DELETE FROM succession WHERE scope = ?", "b", SPAN_ID(&w->scope));
}

/* Is the reason still one? A group that goes on needs no successor. */
static bool still_wanted(const struct group *g, const struct wish *w)
{
    if (g->generation >= w->generation) {
        return false;
    }
    switch (w->reason) {
    case SUCCESSOR_SILENT:
        return g->gap || g->state == GROUP_STUCK;
    case SUCCESSOR_POISONED:
    case SUCCESSOR_ALONE:
    case SUCCESSOR_LOG_FULL:
        return g->state == GROUP_STUCK;
    case SUCCESSOR_RELAY:
        return strcmp(g->relay, w->relay) != 0;
    case SUCCESSOR_REFUSED:
    default:
        return true;
    }
}

/* Not more often than once an hour, whoever wants it: a member that founds and founds costs no more. */
static enum status too_soon(struct node *n, const struct group *g, int64_t *until)
{
    int64_t founded = 0;
    *until = 0;
    enum status st =
        g->generation == 0
            ? ST_OK
            : sql_number(&n->sql, &founded, 0, "SELECT founded_at FROM mls_group WHERE id = ?", "i", g->id);
    if (st == ST_OK && founded > n->now.wall_ms - NOT_AGAIN_MS) {
        *until = founded + NOT_AGAIN_MS;
    }
    return st;
}

static enum status try_to_found(struct node *n, struct wish *w)
{
    enum status why = ST_OK, st = node_guard(n, found, w, &why);
    if (st == ST_OK && status_class(why) == CLASS_POLICY) {
        w->all_heads = true; /* what is signed there may count by the other family's newest head only */
        st = node_guard(n, found, w, &why);
    }
    if (st != ST_OK || why == ST_OK) {
        return st == ST_OK ? drop_wish(n, w) : st;
    }
    struct group *g = NULL;
    st = sql_run(&n->sql, "UPDATE succession SET due_at = ? WHERE scope = ?", "ib",
                 n->now.wall_ms + ASK_AGAIN_MS, SPAN_ID(&w->scope));
    node_wake_wall(n, n->now.wall_ms + ASK_AGAIN_MS);
    if (st != ST_OK || w->asked_at > n->now.wall_ms - ASK_AGAIN_MS) {
        return st;
    }
    st = group_of_scope(n, &w->scope, &g);
    if (st == ST_OK) {
        st = succession_ask(n, g);
    }
    return st == ST_OK ? sql_run(&n->sql, "UPDATE succession SET asked_at = ? WHERE scope = ?", "ib",
                                 n->now.wall_ms, SPAN_ID(&w->scope))
                       : st;
}

static enum status run_wish(struct node *n, struct wish *w)
{
    struct group *g = NULL;
    int64_t until = 0;
    enum status st = group_of_scope(n, &w->scope, &g);
    if (st == ST_GROUP_NOT_HERE || (st == ST_OK && !still_wanted(g, w))) {
        return drop_wish(n, w);
    }
    if (st == ST_OK) {
        st = too_soon(n, g, &until);
    }
    int64_t due = until > w->due_at ? until : w->due_at;
    if (st == ST_OK && due > n->now.wall_ms) {
        node_wake_wall(n, due);
        return ST_OK;
    }
    return st == ST_OK ? try_to_found(n, w) : st;
}

/* The relay lost the commit before it was read back: nobody but this device is in there, and nobody ever will
 * be. The members add it again to the group that they have. */
static enum status give_up_lost(struct node *n)
{
    int64_t id = 0;
    struct group *g = NULL;
    enum status st = sql_number(
        &n->sql, &id, 0,
        "SELECT id FROM mls_group g WHERE state = 1 AND generation > 0 AND epoch = 0 AND pending = 0"
        " AND (SELECT count(*) FROM founding f WHERE f.grp = g.id) > 1",
        "");
    if (st == ST_OK && id != 0) {
        st = group_get(n, id, &g);
    }
    return st == ST_OK && id != 0 ? restore_leave(n, g) : st;
}

enum status successions_due(struct node *n)
{
    struct scope_id after;
    struct wish w;
    bool found = true;
    memset(&after, 0, sizeof(after));
    enum status st = give_up_lost(n);
    if (st == ST_OK) {
        st = find_hopeless(n);
    }
    while (st == ST_OK && found) {
        st = load_wish(n, &after, &w, &found);
        after = w.scope;
        if (st == ST_OK && found) {
            st = run_wish(n, &w);
        }
    }
    return st;
}

enum status succession_is_young(struct node *n, const struct group *g, bool *young)
{
    int64_t founded = 0;
    *young = false;
    if (!successor_is_name(mls_group_id(g->mls))) {
        return ST_OK;
    }
    enum status st =
        sql_number(&n->sql, &founded, 0, "SELECT founded_at FROM mls_group WHERE id = ?", "i", g->id);
    *young = st == ST_OK && founded > n->now.wall_ms - YOUNG_MS && founded <= n->now.wall_ms;
    if (*young) {
        node_wake_wall(n, founded + YOUNG_MS);
    }
    return st;
}
