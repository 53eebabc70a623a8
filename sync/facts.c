/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/facts.h"

#include "device/roster.h"
#include "sync/family.h"
#include "sync/journal.h"

enum facts_limits {
    FACTS_PERMITS_MAX = 256, /* of the pairs of one conversation: 16 persons, a permit each way, renewed */
    FACTS_KNEW_MAX = POLICY_DECISIONS_MAX
};

#define DAY_MS ((int64_t)24 * 3600 * 1000)

struct gathered { /* everything that the facts borrow */
    struct policy_facts facts;
    int64_t relay_skew_ms; /* INT64_MAX: not known */
    struct policy policy;
    struct person_id parents[WIRE_PERSONS_MAX];
    struct policy_person own[WIRE_PERSONS_MAX];
    struct policy_person members[POLICY_MEMBERS_MAX];
    struct policy_permit permits[FACTS_PERMITS_MAX];
    struct policy_withdrawal withdrawals[FACTS_PERMITS_MAX];
    struct policy_decision decisions[POLICY_DECISIONS_MAX];
    struct entry_hash decided[POLICY_DECISIONS_MAX];
    struct family_device devices[WIRE_DEVICES_MAX];
};

/* ---- the family ---- */

static void insert_person(struct gathered *g, const struct policy_person *p)
{
    size_t i = g->facts.own_count++;
    for (; i > 0 && ID_COMPARE(&g->own[i - 1].ref.person, &p->ref.person) > 0; i--)
        g->own[i] = g->own[i - 1];
    g->own[i] = *p;
}

static enum status gather_family(struct node *n, const struct person_ref *subject, struct gathered *g)
{
    const struct authority *authority;
    const struct roster *roster;
    enum status s = family_states(n, &authority, &roster);
    if (s != ST_OK)
        return s;
    g->facts.family = n->self.family;
    for (size_t i = 0; i < authority->person_count; i++) {
        const struct authority_person *a = &authority->persons[i];
        struct policy_person p = {.ref = {n->self.family, a->person}, .supervised = a->role == ROLE_CHILD};
        insert_person(g, &p);
        if (ID_EQUAL(&a->person, &subject->person) && a->role == ROLE_CHILD)
            g->facts.chain_approval = (enum policy_approval)(a->rule - RULE_ALL_PARENTS);
    }
    for (size_t i = 0; i < g->facts.own_count; i++) { /* ascending, as `own` is */
        const struct authority_person *a = authority_find(authority, &g->own[i].ref.person);
        if (a != NULL && a->role == ROLE_PARENT)
            g->parents[g->facts.parent_count++] = a->person;
    }
    g->facts.parents = g->parents;
    g->facts.own = g->own;
    return ST_OK;
}

static enum status gather_subject(struct node *n, const struct person_ref *subject, struct gathered *g)
{
    struct scope_id ward;
    size_t devices = 0;
    int64_t today = 0;
    enum status s = family_devices(n, &subject->person, g->devices, WIRE_DEVICES_MAX, &devices);
    g->facts.device_count = (uint8_t)devices;
    if (s == ST_OK)
        s = sql_number(&n->sql, &today, 0,
                       "SELECT count(*) FROM request WHERE person = ? AND kind = ? AND at_ms > ?", "bii",
                       SPAN_ID(&subject->person), (int64_t)REQUEST_APPROACH, n->now.wall_ms - DAY_MS);
    g->facts.approaches_today = today > UINT16_MAX ? UINT16_MAX : (uint16_t)today;
    g->facts.heads_current = true;
    if (s != ST_OK || !n->self.supervised || !ID_EQUAL(&subject->person, &n->self.person))
        return s;
    s = scope_id_of_person(SCOPE_WARD, &subject->person, &ward);
    return s == ST_OK ? journal_holds_announced(n, &ward, &g->facts.heads_current) : s;
}

/* protocol.md §10: the local clock, the newest time that a parent signed, the relay's. */
static enum status gather_time(struct node *n, const struct person_ref *subject, struct gathered *g)
{
    struct scope_id ward, family;
    char relay[WIRE_RELAY_MAX + 1];
    int64_t hlc = 0;
    enum status s = scope_id_of_person(SCOPE_WARD, &subject->person, &ward);
    if (s == ST_OK)
        s = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &family);
    if (s == ST_OK)
        s = sql_number(&n->sql, &hlc, 0,
                       "SELECT max(e.hlc) FROM entry e JOIN certificate c ON c.device = e.author"
                       " WHERE e.scope IN (?, ?) AND e.applied = 1 AND c.supervised = 0",
                       "bb", SPAN_ID(&ward), SPAN_ID(&family));
    if (s == ST_OK)
        s = family_relay(n, relay);
    if (s == ST_OK)
        s = sql_number(&n->sql, &g->relay_skew_ms, INT64_MAX,
                       "SELECT time_skew_ms FROM relay WHERE address = ? AND incarnation IS NOT NULL", "t",
                       relay);
    g->facts.time.lower_ms = hlc >> 16;
    return s;
}

static void set_clocks(const struct node *n, struct gathered *g)
{
    g->facts.time.local_ms = n->now.wall_ms;
    g->facts.time.relay_ms = g->relay_skew_ms != INT64_MAX ? n->now.wall_ms + g->relay_skew_ms : 0;
}

/* ---- the conversation ---- */

/* Is a person of another family supervised? As their chain says; an unknown one counts as supervised, which
 * needs more permits, not fewer. */
static enum status is_supervised(struct node *n, const struct person_ref *who, bool *out)
{
    struct authority *a = NULL;
    const struct authority_person *p;
    enum status s = family_authority_at(n, &who->family, UINT64_MAX, &a);
    *out = true;
    if (s == ST_OK) {
        p = authority_find(a, &who->person);
        *out = p != NULL && p->role == ROLE_CHILD;
    }
    mem_free(a, sizeof(*a));
    return s == ST_OK || !status_is_fatal(s) ? ST_OK : s;
}

static enum status add_member(struct node *n, struct gathered *g, const struct person_ref *who, bool overseer)
{
    static const struct person_ref nobody;
    struct policy_person *m = &g->members[g->facts.member_count];
    if (person_ref_equal(who, &nobody))
        return ST_OK;
    for (size_t i = 0; i < g->facts.member_count; i++) {
        if (person_ref_equal(&g->members[i].ref, who))
            return ST_OK;
    }
    if (g->facts.member_count == POLICY_MEMBERS_MAX)
        return ST_NO_SPACE;
    *m = (struct policy_person){.ref = *who, .overseer = overseer};
    g->facts.member_count++;
    return is_supervised(n, who, &m->supervised);
}

static enum status gather_members(struct node *n, const struct facts_ask *ask, struct gathered *g)
{
    struct person_ref persons[WIRE_LEAVES_MAX];
    struct group *group;
    size_t count = 0;
    enum status s = add_member(n, g, &ask->subject, false);
    if (s == ST_OK)
        s = add_member(n, g, &ask->peer, false);
    if (s == ST_OK && ask->scope != NULL) {
        s = group_of_scope(n, ask->scope, &group);
        if (s == ST_OK)
            count = group_persons(group, persons, WIRE_LEAVES_MAX);
        if (s == ST_GROUP_NOT_HERE)
            s = ST_OK;
    }
    for (size_t i = 0; i < count && s == ST_OK; i++) {
        bool talks = !group->has_peer || person_ref_equal(&persons[i], &group->subject) ||
                     person_ref_equal(&persons[i], &group->peer);
        s = add_member(n, g, &persons[i], !talks);
    }
    g->facts.members = g->members;
    return s;
}

/* ---- permits and decisions ---- */

static bool is_member(const struct gathered *g, const struct person_ref *who)
{
    for (size_t i = 0; i < g->facts.member_count; i++) {
        if (person_ref_equal(&g->members[i].ref, who))
            return true;
    }
    return false;
}

/* Columns 0 to 3 of both tables. */
static bool read_pair(struct query *q, const struct gathered *g, struct person_ref *child,
                      struct person_ref *contact)
{
    QUERY_ID(q, 0, &child->family);
    QUERY_ID(q, 1, &child->person);
    QUERY_ID(q, 2, &contact->family);
    QUERY_ID(q, 3, &contact->person);
    return is_member(g, child) && is_member(g, contact);
}

/* Newest first: what does not fit is older than 256 others of the same people. */
static enum status gather_permits(struct node *n, struct gathered *g)
{
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT child_family, child, contact_family, contact, serial, kinds, oversight, not_before_ms,"
        " not_after_ms, enough FROM permit ORDER BY serial DESC",
        "");
    while (query_next(&q) && g->facts.permit_count < FACTS_PERMITS_MAX) {
        struct policy_permit *p = &g->permits[g->facts.permit_count];
        if (!read_pair(&q, g, &p->child, &p->contact))
            continue;
        p->serial = (uint64_t)query_int(&q, 4);
        p->kinds = (uint8_t)query_int(&q, 5);
        p->oversight = (enum policy_oversight)(query_int(&q, 6) - 1); /* on the wire they count from 1 */
        p->not_before_ms = query_int(&q, 7);
        p->not_after_ms = query_int(&q, 8);
        p->enough = query_int(&q, 9) != 0;
        g->facts.permit_count++;
    }
    g->facts.permits = g->permits;
    return query_end(&q);
}

static enum status gather_withdrawals(struct node *n, struct gathered *g)
{
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT child_family, child, contact_family, contact, serial FROM withdrawal ORDER BY serial DESC",
        "");
    while (query_next(&q) && g->facts.withdrawal_count < FACTS_PERMITS_MAX) {
        struct policy_withdrawal *w = &g->withdrawals[g->facts.withdrawal_count];
        if (!read_pair(&q, g, &w->child, &w->contact))
            continue;
        w->serial = (uint64_t)query_int(&q, 4);
        g->facts.withdrawal_count++;
    }
    g->facts.withdrawals = g->withdrawals;
    return query_end(&q);
}

/* Bit i: `knew`, hashes one after the other, holds the i-th decision's entry. */
static uint64_t knew_bits(const struct gathered *g, struct span knew)
{
    uint64_t bits = 0;
    for (size_t at = 0; at + ID_LEN <= knew.len; at += ID_LEN) {
        for (size_t i = 0; i < g->facts.decision_count; i++) {
            if (memcmp(g->decided[i].b, knew.ptr + at, ID_LEN) == 0)
                bits |= UINT64_C(1) << i;
        }
    }
    return bits;
}

static enum status gather_decisions(struct node *n, const uint8_t *request, struct gathered *g)
{
    static const char text[] =
        "SELECT parent, yes, entry, knew FROM decision WHERE request = ? ORDER BY hlc LIMIT ?";
    struct query q;
    enum status s;
    if (request == NULL)
        return ST_OK;
    query_start(&q, &n->sql, text, "bi", SPAN_OF(request, ID_LEN), (int64_t)POLICY_DECISIONS_MAX);
    while (query_next(&q)) {
        struct policy_decision *d = &g->decisions[g->facts.decision_count];
        QUERY_ID(&q, 0, &d->parent);
        d->yes = query_int(&q, 1) != 0;
        QUERY_ID(&q, 2, &g->decided[g->facts.decision_count]);
        g->facts.decision_count++;
    }
    s = query_end(&q);
    if (s != ST_OK)
        return s;
    /* Again, now that every decision has its bit. */
    query_start(&q, &n->sql, text, "bi", SPAN_OF(request, ID_LEN), (int64_t)POLICY_DECISIONS_MAX);
    for (size_t i = 0; query_next(&q) && i < g->facts.decision_count; i++)
        g->decisions[i].knew = knew_bits(g, query_blob(&q, 3));
    g->facts.decisions = g->decisions;
    return query_end(&q);
}

/* ---- deciding ---- */

static enum status gather(struct node *n, const struct facts_ask *ask, struct gathered *g)
{
    enum status s = gather_family(n, &ask->subject, g);
    if (s == ST_OK)
        s = gather_subject(n, &ask->subject, g);
    if (ask->request != NULL)
        g->facts.approaches_today = 0; /* it is kept already: a full day turns away later ones only */
    if (s == ST_OK)
        s = gather_time(n, &ask->subject, g);
    if (s == ST_OK)
        s = gather_members(n, ask, g);
    if (s == ST_OK)
        s = gather_permits(n, g);
    if (s == ST_OK)
        s = gather_withdrawals(n, g);
    if (s == ST_OK)
        s = gather_decisions(n, ask->request, g);
    if (s == ST_OK)
        s = facts_policy(n, &ask->subject.person, &g->policy);
    g->facts.subject_signed = ask->subject_signed;
    return s;
}

static void tell(const struct node *n, const struct gathered *g, const struct verdict *v,
                 struct facts_answer *out)
{
    out->kind = v->kind;
    out->missing = v->missing;
    out->until_at_ms = v->until_at_ms;
    out->code = v->trace[v->decided].code;
    out->rule = v->kind == VERDICT_ALLOW ? NULL : trace_text(v->trace[v->decided].code);
    for (size_t i = 0; i < g->facts.parent_count; i++) {
        if (ID_EQUAL(&g->parents[i], &n->self.person))
            out->may_answer = (v->may_answer >> i & 1) != 0;
    }
}

/* ---- facts that are kept ---- */

/* Every text that comes is judged, and what it is judged by seldom changes. So what was gathered for whoever
 * receives in a conversation is kept until anything changes on which it rests (sql.h); the clocks are of the
 * moment, and the verdict is made anew each time. */
enum { FACTS_KEPT = 4 };

struct kept_facts {
    struct sql_watch watch;
    struct person_ref subject, peer;
    struct scope_id scope;
    int64_t group;
    uint64_t epoch;
    struct gathered g;
};

struct facts_memory {
    size_t next; /* counts the places that were taken */
    struct kept_facts at[FACTS_KEPT];
};

void facts_free(struct node *n)
{
    mem_free(n->facts, sizeof(*n->facts));
    n->facts = NULL;
}

static bool may_be_kept(const struct facts_ask *ask)
{
    return (ask->kind == MAY_RECEIVE || ask->kind == MAY_RECEIVE_ATTACHMENT) && ask->scope != NULL &&
           ask->request == NULL && !ask->subject_signed;
}

/* Whoever is watched shows what it rests on. */
static bool is_kept(const struct kept_facts *k, const struct node *n, const struct facts_ask *ask)
{
    return !k->watch.stale && !sql_is_watched(&n->sql.watches) && ID_EQUAL(&k->scope, ask->scope) &&
           person_ref_equal(&k->subject, &ask->subject) && person_ref_equal(&k->peer, &ask->peer);
}

/* Who is in the group comes from memory: its epoch says whether that is still the same. */
static enum status epoch_of(struct node *n, int64_t group, uint64_t *epoch)
{
    struct group *g = NULL;
    *epoch = 0;
    enum status s = group != 0 ? group_get(n, group, &g) : ST_OK;
    if (s == ST_OK && g != NULL)
        *epoch = g->epoch;
    return s == ST_GROUP_NOT_HERE ? ST_OK : s;
}

static enum status gather_anew(struct node *n, const struct facts_ask *ask, struct kept_facts *k)
{
    bool alone = !sql_is_watched(&n->sql.watches);
    memset(&k->g, 0, sizeof(k->g));
    if (alone)
        sql_watch_open(&n->sql.watches, &k->watch);
    enum status s = group_id_of_scope(n, ask->scope, &k->group);
    if (s == ST_OK)
        s = epoch_of(n, k->group, &k->epoch);
    if (s == ST_OK)
        s = gather(n, ask, &k->g);
    if (alone)
        sql_watch_close(&n->sql.watches);
    k->watch.stale = k->watch.stale || s != ST_OK || !alone;
    k->subject = ask->subject;
    k->peer = ask->peer;
    k->scope = *ask->scope;
    return s;
}

static enum status facts_new(struct node *n)
{
    n->facts = mem_alloc(1, sizeof(*n->facts));
    for (size_t i = 0; n->facts != NULL && i < FACTS_KEPT; i++) {
        n->facts->at[i].watch.of_facts = true;
        sql_watch_add(&n->sql.watches, &n->facts->at[i].watch);
    }
    return n->facts != NULL ? ST_OK : ST_NO_MEMORY;
}

/* Facts for this question, gathered or kept; they are the memory's. */
static enum status kept_facts(struct node *n, const struct facts_ask *ask, struct gathered **out)
{
    struct kept_facts *k = NULL;
    uint64_t epoch = 0;
    enum status s = ST_OK;
    if (n->facts == NULL)
        s = facts_new(n);
    if (s != ST_OK)
        return s;
    for (size_t i = 0; i < FACTS_KEPT && k == NULL; i++)
        k = is_kept(&n->facts->at[i], n, ask) ? &n->facts->at[i] : NULL;
    if (k != NULL)
        s = epoch_of(n, k->group, &epoch);
    if (s == ST_OK && (k == NULL || k->epoch != epoch)) {
        k = k != NULL ? k : &n->facts->at[n->facts->next++ % FACTS_KEPT];
        s = gather_anew(n, ask, k);
    }
    *out = s == ST_OK ? &k->g : NULL;
    return s;
}

static enum status decide(struct node *n, const struct facts_ask *ask, struct gathered *g,
                          struct facts_answer *out)
{
    const struct policy_request request = {.kind = ask->kind,
                                           .subject = ask->subject,
                                           .by = n->self.person,
                                           .peer = ask->peer,
                                           .attachment = ask->attachment,
                                           .proposed = ask->proposed};
    struct verdict v = {.kind = VERDICT_DENY};
    set_clocks(n, g);
    enum status s = policy_decide(&g->policy, &g->facts, &request, &v);
    if (s == ST_OK)
        tell(n, g, &v, out);
    return s;
}

enum status facts_decide(struct node *n, const struct facts_ask *ask, struct facts_answer *out)
{
    struct gathered *g = NULL, *own = NULL;
    enum status s;
    memset(out, 0, sizeof(*out));
    if (may_be_kept(ask)) {
        s = kept_facts(n, ask, &g);
    } else {
        g = own = mem_alloc(1, sizeof(*own));
        s = own != NULL ? gather(n, ask, own) : ST_NO_MEMORY;
    }
    if (s == ST_OK)
        s = decide(n, ask, g, out);
    mem_free(own, sizeof(*own));
    return s == ST_OK || status_is_fatal(s) ? s : ST_INTERNAL; /* facts over a limit are a mistake of ours */
}

enum status facts_status(const struct facts_answer *a)
{
    static const enum status by_kind[] = {[VERDICT_DENY] = ST_POLICY_DENIED,
                                          [VERDICT_WAIT] = ST_POLICY_WAIT,
                                          [VERDICT_ASK] = ST_POLICY_ASK,
                                          [VERDICT_ALLOW] = ST_OK};
    return by_kind[a->kind];
}
