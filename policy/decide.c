/* SPDX-License-Identifier: Apache-2.0 */
/* A request's kind names a row of rules. They are asked in order; each says something into the trace, and the
 * most protective of what was said is the verdict. A rule returns whether the next one is to be asked: after
 * a deny never, and not after a rule that settles the matter. */
#include "policy/decide.h"

#include <assert.h>
#include <string.h>

#include "protocol/mem.h"

struct judge {
    const struct policy *p;
    const struct policy_facts *f;
    const struct policy_request *r;
    const struct policy_person *subject; /* in f->own, once rule_known has found them */
    struct verdict *v;
};

typedef bool (*rule_fn)(struct judge *j);

/* ---- saying ---- */

static bool say_of(struct judge *j, enum trace_code code, enum verdict_kind said, size_t a, size_t b)
{
    struct verdict *v = j->v;
    invariant(v->trace_count < POLICY_TRACE_MAX); /* no row has more rules than that */
    v->trace[v->trace_count] = (struct trace_step){code, said, (uint8_t)a, (uint8_t)b};
    if (v->trace_count == 0 || said < v->kind) {
        v->kind = said;
        v->decided = v->trace_count;
    }
    v->trace_count++;
    return said != VERDICT_DENY;
}

static bool say(struct judge *j, enum trace_code code, enum verdict_kind said)
{
    return say_of(j, code, said, TRACE_NOBODY, TRACE_NOBODY);
}

static bool deny(struct judge *j, enum trace_code code)
{
    return say(j, code, VERDICT_DENY);
}

static bool settle(struct judge *j, enum trace_code code)
{
    (void)say(j, code, VERDICT_ALLOW);
    return false;
}

/* ---- who is who ---- */

static const struct policy_person *own_person(const struct policy_facts *f, const struct person_id *id)
{
    for (size_t i = 0; i < f->own_count; i++)
        if (ID_EQUAL(&f->own[i].ref.person, id))
            return &f->own[i];
    return NULL;
}

static bool is_parent(const struct policy_facts *f, const struct person_id *id, size_t *index)
{
    for (size_t i = 0; i < f->parent_count; i++) {
        if (!ID_EQUAL(&f->parents[i], id))
            continue;
        *index = i;
        return true;
    }
    return false;
}

static bool by_parent(const struct judge *j)
{
    size_t index;
    return is_parent(j->f, &j->r->by, &index);
}

static bool by_subject(const struct judge *j)
{
    return ID_EQUAL(&j->r->by, &j->r->subject.person);
}

static bool of_family(const struct judge *j, const struct person_ref *who)
{
    return ID_EQUAL(&who->family, &j->f->family);
}

static const struct policy_person *member(const struct judge *j, const struct person_ref *who)
{
    for (size_t i = 0; i < j->f->member_count; i++)
        if (person_ref_equal(&j->f->members[i].ref, who))
            return &j->f->members[i];
    return NULL;
}

/* Of one's own family the roster counts, whatever a certificate says: supervised by either is supervised. */
static bool supervised(const struct judge *j, const struct policy_person *who)
{
    const struct policy_person *own = of_family(j, &who->ref) ? own_person(j->f, &who->ref.person) : NULL;
    return who->supervised || (own != NULL && own->supervised);
}

/* ---- answers of parents ---- */

/* Is decision i replaced by decision k? Two that claim to have known each other leave the no standing. */
static bool replaces(const struct policy_facts *f, size_t k, size_t i)
{
    const struct policy_decision *later = &f->decisions[k], *earlier = &f->decisions[i];
    size_t index;
    if (k == i || (later->knew >> i & 1) == 0 || !is_parent(f, &later->parent, &index))
        return false;
    if ((earlier->knew >> k & 1) != 0)
        return later->yes < earlier->yes;
    return later->yes != earlier->yes || ID_EQUAL(&later->parent, &earlier->parent);
}

static bool stands(const struct policy_facts *f, size_t i)
{
    for (size_t k = 0; k < f->decision_count; k++)
        if (replaces(f, k, i))
            return false;
    return true;
}

struct answers {
    bool refused;
    uint64_t yes; /* bit per parent */
};

/* Under all_parents any no ends the request; otherwise a no counts while it stands. */
static struct answers answers_count(const struct policy_facts *f, enum policy_approval rule)
{
    struct answers a = {false, 0};
    for (size_t i = 0; i < f->decision_count; i++) {
        size_t index;
        const struct policy_decision *d = &f->decisions[i];
        if (!is_parent(f, &d->parent, &index))
            continue; /* law 8: who is no parent decides nothing */
        if (!d->yes && (rule == POLICY_APPROVAL_ALL_PARENTS || stands(f, i)))
            a.refused = true;
        if (d->yes && stands(f, i))
            a.yes |= UINT64_C(1) << index;
    }
    return a;
}

static unsigned bits(uint64_t set)
{
    unsigned n = 0;
    for (; set != 0; set &= set - 1)
        n++;
    return n;
}

/* Asks `who` (bit per parent), of whom `need` have to say yes, given the answers so far. */
static bool ask(struct judge *j, uint64_t who, unsigned need, struct answers a)
{
    if (a.refused)
        return deny(j, TRACE_APPROVAL_REFUSED);
    if (who == 0)
        return deny(j, TRACE_NO_PARENTS);
    unsigned have = bits(a.yes & who);
    if (have >= need)
        return say(j, TRACE_APPROVAL_GIVEN, VERDICT_ALLOW);
    j->v->may_answer = who & ~a.yes;
    j->v->missing = (uint8_t)(need - have);
    return say(j, TRACE_APPROVAL_NEEDED, VERDICT_ASK);
}

static uint64_t all_parents(const struct policy_facts *f)
{
    return (UINT64_C(1) << f->parent_count) - 1;
}

/* The stricter of the chain's rule and the document's; notify and self need a standing permit, which this
 * version does not have, so they ask one parent. */
static enum policy_approval rule_in_force(const struct judge *j)
{
    enum policy_approval rule = j->f->chain_approval < j->p->approval ? j->f->chain_approval : j->p->approval;
    return rule < POLICY_APPROVAL_ANY_PARENT ? rule : POLICY_APPROVAL_ANY_PARENT;
}

static bool ask_parents(struct judge *j, enum policy_approval rule)
{
    unsigned need = rule == POLICY_APPROVAL_ALL_PARENTS ? (unsigned)j->f->parent_count : 1;
    return ask(j, all_parents(j->f), need, answers_count(j->f, rule));
}

/* ---- rules ---- */

static bool rule_known(struct judge *j)
{
    if (!of_family(j, &j->r->subject))
        return deny(j, TRACE_NOT_IN_FAMILY);
    j->subject = own_person(j->f, &j->r->subject.person);
    if (j->subject == NULL)
        return deny(j, TRACE_UNKNOWN_PERSON);
    return own_person(j->f, &j->r->by) != NULL || deny(j, TRACE_NOT_IN_FAMILY);
}

static bool rule_peer_outside(struct judge *j)
{
    return !of_family(j, &j->r->peer) || deny(j, TRACE_FAMILY_ONLY);
}

static bool rule_heads(struct judge *j)
{
    return !j->subject->supervised || j->f->heads_current || deny(j, TRACE_HEADS_BEHIND);
}

static bool rule_not_built(struct judge *j)
{
    return deny(j, TRACE_NOT_YET_BUILT);
}

static bool rule_discovery(struct judge *j)
{
    return j->p->discovery != POLICY_DISCOVERY_HIDDEN || deny(j, TRACE_DISCOVERY_HIDDEN);
}

static bool rule_invite(struct judge *j)
{
    if (!j->subject->supervised)
        return by_subject(j) ? settle(j, TRACE_SELF) : deny(j, TRACE_OTHER_PERSON);
    if (by_parent(j))
        return settle(j, TRACE_PARENT);
    if (!by_subject(j))
        return deny(j, TRACE_OTHER_PERSON);
    return ask(j, all_parents(j->f), 1, (struct answers){false, 0});
}

static bool rule_pending(struct judge *j)
{
    bool full =
        j->subject->supervised && j->f->decision_count == 0 && j->f->approaches_today >= j->p->pending_max;
    return !full || deny(j, TRACE_PENDING_FULL);
}

/* Who is approached: the parents of a supervised person, or an adult themself. */
static bool rule_approach(struct judge *j)
{
    size_t index;
    if (j->subject->supervised)
        return ask_parents(j, rule_in_force(j));
    if (!is_parent(j->f, &j->subject->ref.person, &index))
        return deny(j, TRACE_NO_PARENTS);
    uint64_t self = UINT64_C(1) << index;
    struct answers a = answers_count(j->f, POLICY_APPROVAL_ANY_PARENT);
    a.yes &= self; /* nobody answers for another adult, neither yes nor no */
    a.refused = false;
    for (size_t i = 0; i < j->f->decision_count; i++)
        if (ID_EQUAL(&j->f->decisions[i].parent, &j->subject->ref.person) && !j->f->decisions[i].yes &&
            stands(j->f, i))
            a.refused = true;
    return ask(j, self, 1, a);
}

static struct permit_check_args permit_args(const struct judge *j, unsigned kinds)
{
    return (struct permit_check_args){j->f->permits,          j->f->permit_count, j->f->withdrawals,
                                      j->f->withdrawal_count, &j->f->time,        (uint8_t)kinds};
}

static bool rule_request(struct judge *j)
{
    if (!j->subject->supervised)
        return by_subject(j) ? settle(j, TRACE_SELF) : deny(j, TRACE_OTHER_PERSON);
    struct permit_check_args args = permit_args(j, POLICY_PERMIT_TEXT);
    if (permit_check(&args, &j->r->subject, &j->r->peer) == PERMIT_STATE_HOLDS)
        return settle(j, TRACE_PERMIT_HELD);
    return ask_parents(j, rule_in_force(j));
}

/* ---- conversations ---- */

static bool overseer_is_good(const struct judge *j, const struct policy_person *o)
{
    size_t index;
    if (of_family(j, &o->ref) && !is_parent(j->f, &o->ref.person, &index))
        return false;
    for (size_t i = 0; i < j->f->member_count; i++) {
        const struct policy_person *m = &j->f->members[i];
        if (!m->overseer && supervised(j, m) && ID_EQUAL(&m->ref.family, &o->ref.family))
            return true;
    }
    return false;
}

static bool rule_members(struct judge *j)
{
    const struct policy_person *me = member(j, &j->r->subject);
    if (me == NULL)
        return deny(j, TRACE_NOT_A_MEMBER);
    if (me->overseer)
        return deny(j, TRACE_OVERSEER_READS_ONLY);
    for (size_t i = 0; i < j->f->member_count; i++) {
        const struct policy_person *m = &j->f->members[i];
        if (of_family(j, &m->ref) && own_person(j->f, &m->ref.person) == NULL)
            return say_of(j, TRACE_UNKNOWN_PERSON, VERDICT_DENY, i, TRACE_NOBODY);
        if (m->overseer && !overseer_is_good(j, m))
            return say_of(j, TRACE_OVERSEER_OF_NOBODY, VERDICT_DENY, i, TRACE_NOBODY);
    }
    return true;
}

static bool rule_peer_member(struct judge *j)
{
    const struct policy_person *peer = member(j, &j->r->peer);
    if (peer == NULL)
        return deny(j, TRACE_NOT_A_MEMBER);
    return !peer->overseer || deny(j, TRACE_OVERSEER_READS_ONLY);
}

static bool rule_author(struct judge *j)
{
    return by_subject(j) || deny(j, TRACE_OTHER_PERSON);
}

/* Parents are always reachable: what stays inside the family needs no permit and is never quiet. */
static bool rule_family_only(struct judge *j)
{
    for (size_t i = 0; i < j->f->member_count; i++)
        if (!of_family(j, &j->f->members[i].ref))
            return true;
    return settle(j, TRACE_FAMILY_ONLY);
}

static size_t persons(const struct judge *j)
{
    size_t n = 0;
    for (size_t i = 0; i < j->f->member_count; i++)
        n += j->f->members[i].overseer ? 0 : 1;
    return n;
}

static bool rule_groups(struct judge *j)
{
    bool off = j->subject->supervised && persons(j) > 2 && j->p->groups == POLICY_GROUPS_NEVER;
    return !off || deny(j, TRACE_GROUPS_NEVER);
}

static unsigned kinds_asked(const struct judge *j)
{
    unsigned kinds = POLICY_PERMIT_TEXT;
    if (j->r->kind == MAY_SEND_ATTACHMENT || j->r->kind == MAY_RECEIVE_ATTACHMENT)
        kinds = j->r->attachment == POLICY_ATTACHMENTS_IMAGES ? POLICY_PERMIT_IMAGES : POLICY_PERMIT_FILES;
    return persons(j) > 2 ? kinds | POLICY_PERMIT_GROUPS : kinds;
}

static const enum trace_code trace_of_permit[] = {
    [PERMIT_STATE_MISSING] = TRACE_PERMIT_MISSING, [PERMIT_STATE_WITHDRAWN] = TRACE_PERMIT_WITHDRAWN,
    [PERMIT_STATE_TOO_FEW] = TRACE_PERMIT_TOO_FEW, [PERMIT_STATE_EXPIRED] = TRACE_PERMIT_EXPIRED,
    [PERMIT_STATE_NOT_YET] = TRACE_PERMIT_NOT_YET, [PERMIT_STATE_KIND] = TRACE_PERMIT_KIND,
    [PERMIT_STATE_HOLDS] = TRACE_PERMIT_HELD,
};

/* Does member a need a permit for member b? Overseers need none, nor do people of one family. */
static bool needs_permit(const struct judge *j, size_t a, size_t b)
{
    const struct policy_person *x = &j->f->members[a], *y = &j->f->members[b];
    return a != b && !x->overseer && !y->overseer && supervised(j, x) &&
           !ID_EQUAL(&x->ref.family, &y->ref.family);
}

/* Law 6: every pair that involves a supervised person, and both of its directions where both are supervised.
 */
static bool rule_pairs(struct judge *j)
{
    struct permit_check_args args = permit_args(j, kinds_asked(j));
    size_t count = j->f->member_count, needed = 0;
    for (size_t i = 0; i < count * count; i++) {
        size_t a = i / count, b = i % count;
        if (!needs_permit(j, a, b))
            continue;
        enum permit_state state = permit_check(&args, &j->f->members[a].ref, &j->f->members[b].ref);
        if (state != PERMIT_STATE_HOLDS)
            return say_of(j, trace_of_permit[state], VERDICT_DENY, a, b);
        needed++;
    }
    return say(j, needed > 0 ? TRACE_PERMIT_HELD : TRACE_UNSUPERVISED, VERDICT_ALLOW);
}

static bool rule_attachment(struct judge *j)
{
    if (!j->subject->supervised)
        return true;
    bool known = j->r->attachment == POLICY_ATTACHMENTS_IMAGES || j->r->attachment == POLICY_ATTACHMENTS_ALL;
    return known && j->r->attachment <= j->p->attachments ? say(j, TRACE_ATTACHMENTS_ON, VERDICT_ALLOW)
                                                          : deny(j, TRACE_ATTACHMENTS_OFF);
}

/* ---- quiet hours ---- */

enum { MINUTE_MS = 60 * 1000, WEEK_MIN = POLICY_QUIET_SLOTS * POLICY_QUIET_SLOT_MIN };

/* Minutes until zone z stops being quiet, counted from `minute`; 0 when it is not quiet then, a week at most.
 */
static int64_t quiet_left_min(const struct policy_quiet_zone *z, uint16_t minute)
{
    int64_t left = 0;
    uint16_t at = (uint16_t)(minute % WEEK_MIN);
    while (left < WEEK_MIN && policy_quiet_slot(z, at)) {
        uint16_t step = (uint16_t)(POLICY_QUIET_SLOT_MIN - at % POLICY_QUIET_SLOT_MIN);
        at = (uint16_t)((at + step) % WEEK_MIN);
        left += step;
    }
    return left;
}

static const struct policy_zone_time *zone_time(const struct policy_facts *f, const char *zone)
{
    for (size_t i = 0; i < f->zone_count; i++)
        if (strncmp(f->zones[i].zone, zone, sizeof(f->zones[i].zone)) == 0)
            return &f->zones[i];
    return NULL;
}

/* When the clocks differ, quiet ends only when it is over by both (protocol.md §10). */
static int64_t quiet_left_by_clocks(const struct judge *j, const struct policy_quiet_zone *z, uint16_t minute)
{
    const struct policy_time *t = &j->f->time;
    int64_t left = quiet_left_min(z, minute);
    if (!policy_clock_skewed(t))
        return left;
    int64_t off = (t->relay_ms - t->local_ms) / MINUTE_MS % WEEK_MIN;
    int64_t other = quiet_left_min(z, (uint16_t)((minute % WEEK_MIN + off + WEEK_MIN) % WEEK_MIN));
    return left > other ? left : other;
}

static bool rule_quiet(struct judge *j)
{
    int64_t left = j->p->quiet.always ? WEEK_MIN : 0;
    bool unknown = false;
    if (!j->subject->supervised)
        return true;
    for (size_t i = 0; i < j->p->quiet.zone_count; i++) {
        const struct policy_quiet_zone *z = &j->p->quiet.zones[i];
        const struct policy_zone_time *now = zone_time(j->f, z->zone);
        unknown = unknown || now == NULL;
        int64_t one = now == NULL ? WEEK_MIN : quiet_left_by_clocks(j, z, now->minute_of_week);
        left = one > left ? one : left;
    }
    if (left == 0)
        return true;
    j->v->until_at_ms = j->f->time.local_ms + left * MINUTE_MS;
    return say(j, unknown ? TRACE_QUIET_ZONE_UNKNOWN : TRACE_QUIET, VERDICT_WAIT);
}

/* ---- devices, rules, history ---- */

/* protocol.md §6.1. A person's first device: a parent (a parent's: all of them). A further one: that person's
 * device, and for a supervised person a parent. Who asks has said yes. */
static bool rule_link(struct judge *j)
{
    const struct policy_facts *f = j->f;
    size_t index;
    bool parent = is_parent(f, &j->r->by, &index), self = by_subject(j) || f->subject_signed;
    if (f->device_count > 0 && !j->subject->supervised)
        return by_subject(j) ? settle(j, TRACE_SELF) : deny(j, TRACE_OTHER_PARENT);
    if (!parent && !(by_subject(j) && f->device_count > 0))
        return deny(j, TRACE_CHILD_AUTHORS_NOTHING);
    enum policy_approval rule =
        j->subject->supervised ? POLICY_APPROVAL_ANY_PARENT : POLICY_APPROVAL_ALL_PARENTS;
    struct answers a = answers_count(f, rule);
    if (parent)
        a.yes |= UINT64_C(1) << index;
    unsigned need = rule == POLICY_APPROVAL_ALL_PARENTS ? (unsigned)f->parent_count : 1;
    if (!ask(j, all_parents(f), need, a) || f->device_count == 0 || self)
        return false;
    j->v->child_signs = true;
    return say(j, TRACE_CHILD_MUST_SIGN, VERDICT_ASK);
}

static bool rule_remove(struct judge *j)
{
    if (j->subject->supervised && by_parent(j))
        return settle(j, TRACE_PARENT);
    if (!by_subject(j))
        return deny(j, by_parent(j) ? TRACE_OTHER_PARENT : TRACE_OTHER_PERSON);
    return j->f->device_count > 1 ? settle(j, TRACE_SELF) : deny(j, TRACE_LAST_DEVICE);
}

/* Law 8. */
static bool rule_change_policy(struct judge *j)
{
    if (!by_parent(j))
        return deny(j, TRACE_CHILD_AUTHORS_NOTHING);
    if (!j->subject->supervised)
        return deny(j, TRACE_UNSUPERVISED);
    if (j->r->proposed->approval > j->f->chain_approval)
        return deny(j, TRACE_APPROVAL_ABOVE_CHAIN);
    return settle(j, TRACE_PARENT);
}

static bool rule_history(struct judge *j)
{
    return by_subject(j) ? settle(j, TRACE_SELF) : deny(j, TRACE_OVERSIGHT);
}

/* ---- the table ---- */

enum { ROW_MAX = 9 }; /* rules of the longest row, and a NULL; each says at most two things of the trace */

static const rule_fn rows[MAY_COUNT][ROW_MAX] = {
    [MAY_BE_LISTED] = {rule_known, rule_discovery, rule_not_built},
    [MAY_LOOK_UP] = {rule_known, rule_discovery, rule_not_built},
    [MAY_MAKE_INVITE] = {rule_known, rule_heads, rule_invite},
    [MAY_RECEIVE_APPROACH] = {rule_known, rule_peer_outside, rule_pending, rule_approach},
    [MAY_SEND_REQUEST] = {rule_known, rule_peer_outside, rule_heads, rule_request},
    [MAY_OPEN_CONVERSATION] = {rule_known, rule_author, rule_members, rule_family_only, rule_heads,
                               rule_groups, rule_pairs},
    [MAY_JOIN_CONVERSATION] = {rule_known, rule_author, rule_members, rule_family_only, rule_heads,
                               rule_groups, rule_pairs},
    [MAY_ADD_MEMBER] = {rule_known, rule_author, rule_members, rule_peer_member, rule_family_only, rule_heads,
                        rule_groups, rule_pairs},
    [MAY_SEND] = {rule_known, rule_author, rule_members, rule_family_only, rule_heads, rule_groups,
                  rule_pairs, rule_quiet},
    [MAY_RECEIVE] = {rule_known, rule_members, rule_peer_member, rule_family_only, rule_heads, rule_groups,
                     rule_pairs, rule_quiet},
    [MAY_SEND_ATTACHMENT] = {rule_known, rule_author, rule_members, rule_family_only, rule_heads,
                             rule_attachment, rule_groups, rule_pairs, rule_quiet},
    [MAY_RECEIVE_ATTACHMENT] = {rule_known, rule_members, rule_peer_member, rule_family_only, rule_heads,
                                rule_attachment, rule_groups, rule_pairs, rule_quiet},
    [MAY_INTRODUCE] = {rule_known, rule_not_built},
    [MAY_LINK_DEVICE] = {rule_known, rule_link},
    [MAY_REMOVE_DEVICE] = {rule_known, rule_remove},
    [MAY_LEAVE_FAMILY] = {rule_known, rule_not_built},
    [MAY_CHANGE_POLICY] = {rule_known, rule_change_policy},
    [MAY_READ_HISTORY] = {rule_known, rule_history},
};

static_assert((int)ROW_MAX < (int)POLICY_TRACE_MAX, "a row may say one thing a rule, and rule_link two");

static bool facts_fit(const struct policy_facts *f)
{
    return f->parent_count <= POLICY_PARENTS_MAX && f->member_count <= POLICY_MEMBERS_MAX &&
           f->decision_count <= POLICY_DECISIONS_MAX && f->chain_approval < POLICY_APPROVAL_COUNT;
}

static bool request_fits(const struct policy_request *r)
{
    if ((unsigned)r->kind >= MAY_COUNT)
        return false;
    return r->kind != MAY_CHANGE_POLICY || (r->proposed != NULL && policy_check(r->proposed) == ST_OK);
}

enum status policy_decide(const struct policy *p, const struct policy_facts *f,
                          const struct policy_request *r, struct verdict *out)
{
    memset(out, 0, sizeof(*out)); /* deny */
    if (!facts_fit(f) || !request_fits(r) || policy_check(p) != ST_OK)
        return ST_USAGE;
    struct judge j = {.p = p, .f = f, .r = r, .v = out};
    for (size_t i = 0; i < ROW_MAX && rows[r->kind][i] != NULL; i++)
        if (!rows[r->kind][i](&j))
            break;
    invariant(out->trace_count > 0);
    if (out->kind != VERDICT_ASK) {
        out->may_answer = 0;
        out->missing = 0;
    }
    if (out->kind != VERDICT_WAIT)
        out->until_at_ms = 0;
    return ST_OK;
}

/* ---- words ---- */

#define TRACE_ROW(name, text) {#name, text},
static const struct {
    const char *name, *text;
} words[] = {TRACE_LIST(TRACE_ROW)};

const char *trace_name(enum trace_code code)
{
    return (unsigned)code < TRACE_CODE_COUNT ? words[code].name : "UNKNOWN";
}

const char *trace_text(enum trace_code code)
{
    return (unsigned)code < TRACE_CODE_COUNT ? words[code].text : "";
}

const char *verdict_name(enum verdict_kind kind)
{
    static const char *const names[] = {"deny", "wait", "ask", "allow"};
    return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "deny";
}
