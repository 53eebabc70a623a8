/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold when all is calm: the same entries and the same state on all who share a scope, nothing
 * missing, nothing where it does not belong, nothing that nobody wrote. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/entry_body.h"
#include "sync/scope_group.h"
#include "tests/sim/sim_look.h"
#include "tests/support/test.h"
#include "tests/world/world_inside.h"

enum {
    ROWS_MAX = 4096,
    SLICE_MS = 20 * SIM_MINUTE_MS,
    CALM_MS = 3 * SIM_DAY_MS, /* in which everything must have come to rest */
    MOVES_MS = 2 * SIM_DAY_MS /* a family that has to find another relay first has so much longer */
};

/* ---- what a device holds ---- */

struct row { /* an entry, where its author's journal begins here, and whether that can be compared */
    struct scope_id scope;
    struct device_id author;
    int64_t seq;
    struct entry_hash hash;
    int64_t kind, has_body, applied, own, acked;
    bool
        attested; /* else it is the device's own, which came back: shown as passed on until it writes again */
};

struct base {
    struct scope_id scope;
    struct device_id author;
    int64_t seq;
};

struct scope_row {
    struct scope_id scope;
    int64_t kind, generation, epoch, state, id;
    uint8_t founding[HASH_LEN];
    size_t members;
};

struct holding { /* of one device, in the order of scope, author, seq, hash */
    struct row rows[ROWS_MAX];
    struct base bases[ROWS_MAX / 4];
    struct scope_row scopes[128];
    size_t row_count, base_count, scope_count;
};

static struct holding held[WORLD_DEVICES_MAX];

static void read_rows(struct sim *s, size_t device, struct holding *h)
{
    struct query q;
    query_start(&q, &world_node(s->w, device)->sql,
                "SELECT scope, author, seq, hash, kind, has_body, applied, own, acked, attested FROM entry "
                "WHERE fork = 0"
                " AND (attested = 1 OR author = ?) ORDER BY scope, author, seq, hash",
                "b", SPAN_ID(&s->devices[device].id));
    for (h->row_count = 0; h->row_count < ROWS_MAX && query_next(&q); h->row_count++) {
        struct row *r = &h->rows[h->row_count];
        QUERY_ID(&q, 0, &r->scope);
        QUERY_ID(&q, 1, &r->author);
        r->seq = query_int(&q, 2);
        QUERY_ID(&q, 3, &r->hash);
        r->kind = query_int(&q, 4);
        r->has_body = query_int(&q, 5);
        r->applied = query_int(&q, 6);
        r->own = query_int(&q, 7);
        r->acked = query_int(&q, 8);
        r->attested = query_int(&q, 9) != 0;
    }
    assert_ok(query_end(&q));
    assert_true(h->row_count < ROWS_MAX);
}

static void read_bases(struct sim *s, size_t device, struct holding *h)
{
    struct query q;
    query_start(&q, &world_node(s->w, device)->sql,
                "SELECT scope, author, base_seq FROM head WHERE base_seq > 0", "");
    for (h->base_count = 0; query_next(&q); h->base_count++) {
        struct base *b = &h->bases[h->base_count];
        assert_true(h->base_count < ROWS_MAX / 4);
        QUERY_ID(&q, 0, &b->scope);
        QUERY_ID(&q, 1, &b->author);
        b->seq = query_int(&q, 2);
    }
    assert_ok(query_end(&q));
}

static void read_scopes(struct sim *s, size_t device, struct holding *h)
{
    struct query q;
    query_start(&q, &world_node(s->w, device)->sql,
                "SELECT scope, kind, generation, epoch, state, id, founding FROM mls_group WHERE state < 3"
                " ORDER BY scope",
                "");
    for (h->scope_count = 0; query_next(&q); h->scope_count++) {
        struct scope_row *r = &h->scopes[h->scope_count];
        assert_true(h->scope_count < 128);
        QUERY_ID(&q, 0, &r->scope);
        r->kind = query_int(&q, 1);
        r->generation = query_int(&q, 2);
        r->epoch = query_int(&q, 3);
        r->state = query_int(&q, 4);
        r->id = query_int(&q, 5);
        query_fixed(&q, 6, r->founding, HASH_LEN);
    }
    assert_ok(query_end(&q));
    for (size_t i = 0; i < h->scope_count; i++) {
        struct group *g = NULL;
        if (h->scopes[i].state == GROUP_ACTIVE &&
            group_get(world_node(s->w, device), h->scopes[i].id, &g) == ST_OK)
            h->scopes[i].members = mls_group_member_count(g->mls);
    }
}

static int64_t base_of(const struct holding *h, const struct row *r)
{
    for (size_t i = 0; i < h->base_count; i++) {
        if (ID_EQUAL(&h->bases[i].scope, &r->scope) && ID_EQUAL(&h->bases[i].author, &r->author))
            return h->bases[i].seq;
    }
    return 0;
}

static int row_order(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = memcmp(&x->scope, &y->scope, sizeof(x->scope));
    order = order != 0 ? order : memcmp(&x->author, &y->author, sizeof(x->author));
    order = order != 0 ? order : (x->seq > y->seq) - (x->seq < y->seq);
    return order != 0 ? order : memcmp(&x->hash, &y->hash, sizeof(x->hash));
}

static const struct row *find_row(const struct holding *h, const struct row *r)
{
    return bsearch(r, h->rows, h->row_count, sizeof(*r), row_order);
}

static const struct scope_row *find_scope(const struct holding *h, const struct scope_id *scope)
{
    for (size_t i = 0; i < h->scope_count; i++) {
        if (ID_EQUAL(&h->scopes[i].scope, scope))
            return &h->scopes[i];
    }
    return NULL;
}

/* ---- looks ---- */

bool look_no(struct look *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(l->why, sizeof(l->why), format, args);
    va_end(args);
    return false;
}

bool look_counts(const struct sim *s, size_t device)
{
    return s->devices[device].state == SIM_MEMBER && !s->devices[device].liar && world_is_on(s->w, device);
}

/* Of what a liar wrote under numbers of its choice each has what came first. */
static bool is_liars(const struct sim *s, const struct device_id *id)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (s->devices[i].liar && ID_EQUAL(&s->devices[i].id, id))
            return (s->met & 1u << SIM_JUMP) != 0;
    }
    return false;
}

/* A commit that opens for nobody but a liar leaves a group without anybody who could go on: that is held. */
static bool is_ruined(const struct sim *s, const struct scope_id *scope);

const char *look_name(const struct look *l, size_t device)
{
    return world_device_name(l->s->w, device);
}

static const char *device_named(const struct look *l, const struct device_id *id)
{
    for (size_t i = 0; i < world_count(l->s->w); i++) {
        if (ID_EQUAL(&l->s->devices[i].id, id))
            return look_name(l, i);
    }
    return "somebody";
}

static const char *const scope_kinds[8] = {"nothing", "family",       "parents", "ward",
                                           "own",     "conversation", "6",       "7"};

/* Older than somebody's coming it is passed on as its header alone (protocol.md §8.2); a reaction goes with
 * its text, where that is. */
static bool may_be_bare(const struct scope_row *g, int64_t kind)
{
    return g->kind == SCOPE_CONVERSATION ||
           (g->kind == SCOPE_FAMILY &&
            (kind == ENTRY_TEXT || kind == ENTRY_ATTACHMENT || kind == ENTRY_REACTION));
}

/* Each end judges what comes by what holds for it then: of a contact that ended, and was met again, the two
 * may differ about what was on its way. */
static bool ended_once(const struct look *l, size_t a, size_t b, const struct scope_row *g)
{
    const struct sim *s = l->s;
    size_t one = s->devices[a].person, other = s->devices[b].person;
    return g->kind == SCOPE_CONVERSATION && one != other && (s->ended[one] & UINT64_C(1) << other) != 0;
}

static bool same_entries(struct look *l, size_t a, size_t b, const struct scope_row *g)
{
    for (size_t i = 0; i < held[a].row_count; i++) {
        const struct row *r = &held[a].rows[i];
        if (!ID_EQUAL(&r->scope, &g->scope) || (r->own && !r->acked) || r->seq <= base_of(&held[b], r) ||
            !r->attested || is_liars(l->s, &r->author))
            continue;
        const struct row *there = find_row(&held[b], r);
        if (there == NULL)
            return look_no(l, "%s lacks entry %lld of %s in %s, kind %lld, that %s has", look_name(l, b),
                           (long long)r->seq, device_named(l, &r->author), scope_kinds[g->kind & 7],
                           (long long)r->kind, look_name(l, a));
        if (!there->attested)
            continue;
        if (there->has_body != r->has_body && !may_be_bare(g, r->has_body ? r->kind : there->kind))
            return look_no(l,
                           "only one of %s and %s has the body of entry %lld of %s in %s, kind %lld or %lld",
                           look_name(l, a), look_name(l, b), (long long)r->seq, device_named(l, &r->author),
                           scope_kinds[g->kind & 7], (long long)r->kind, (long long)there->kind);
        if (there->has_body && r->has_body && there->applied != r->applied && !ended_once(l, a, b, g))
            return look_no(l, "entry %lld of %s in %s, kind %lld, is %lld on %s and %lld on %s",
                           (long long)r->seq, device_named(l, &r->author), scope_kinds[g->kind & 7],
                           (long long)r->kind, (long long)r->applied, look_name(l, a),
                           (long long)there->applied, look_name(l, b));
    }
    return true;
}

static bool same_rows(struct look *l, size_t a, size_t b, const char *what, const char *sql)
{
    uint8_t x[WORLD_DIGEST_LEN], y[WORLD_DIGEST_LEN];
    world_digest(l->s->w, a, sql, x);
    world_digest(l->s->w, b, sql, y);
    return memcmp(x, y, sizeof(x)) == 0 ||
           look_no(l, "%s differ on %s and %s", what, look_name(l, a), look_name(l, b));
}

static bool same_scopes(struct look *l, size_t a, size_t b)
{
    for (size_t i = 0; i < held[a].scope_count; i++) {
        const struct scope_row *x = &held[a].scopes[i], *y = find_scope(&held[b], &x->scope);
        if (y == NULL || is_ruined(l->s, &x->scope))
            continue;
        if (x->generation != y->generation || x->epoch != y->epoch ||
            memcmp(x->founding, y->founding, HASH_LEN) != 0)
            return look_no(l, "%s and %s are in different epochs (%lld, %lld) of one %s", look_name(l, a),
                           look_name(l, b), (long long)x->epoch, (long long)y->epoch,
                           scope_kinds[x->kind & 7]);
        if (!same_entries(l, a, b, x))
            return false;
        if (x->kind == SCOPE_FAMILY &&
            !same_rows(l, a, b, "the family's chains",
                       "SELECT chain, height, hash FROM chain WHERE family = (SELECT value FROM meta WHERE"
                       " key = 'family') ORDER BY 1, 2"))
            return false;
        char sql[300];
        if (x->kind != SCOPE_WARD)
            continue;
        char hex[2 * sizeof(x->scope) + 1];
        hex_encode(hex, SPAN_ID(&x->scope));
        snprintf(sql, sizeof(sql),
                 "SELECT * FROM permit WHERE child = (SELECT subject_person FROM mls_group WHERE scope ="
                 " x'%s') ORDER BY 1, 2, 3, 4, 5",
                 hex);
        if (!same_rows(l, a, b, "permits", sql))
            return false;
    }
    return true;
}

static bool is_ruined(const struct sim *s, const struct scope_id *scope)
{
    const struct scope_row *r = NULL;
    for (size_t i = 0; i < world_count(s->w); i++) {
        r = look_counts(s, i) ? find_scope(&held[i], scope) : NULL;
        if (r != NULL && r->state == GROUP_ACTIVE)
            return false;
    }
    return (s->met & (1u << SIM_POISON | 1u << SIM_RUIN)) != 0;
}

/* Whoever was removed is in no group any more. */
static bool none_removed(struct look *l, size_t device)
{
    const struct holding *h = &held[device];
    const struct sim *s = l->s;
    for (size_t i = 0; i < h->scope_count; i++) {
        struct group *g = NULL;
        if (h->scopes[i].state != GROUP_ACTIVE)
            continue;
        assert_ok(group_get(world_node(s->w, device), h->scopes[i].id, &g));
        for (size_t k = 0; k < world_count(s->w); k++) {
            if (s->devices[k].state == SIM_REMOVED && s->devices[k].liar &&
                group_has_device(g, &s->devices[k].id, NULL))
                return look_no(l, "%s still has %s in %s", look_name(l, device), look_name(l, k),
                               scope_kinds[h->scopes[i].kind & 7]);
        }
    }
    return true;
}

static bool all_sent(struct look *l, size_t device)
{
    const struct holding *h = &held[device];
    for (size_t i = 0; i < h->scope_count; i++) {
        if (is_ruined(l->s, &h->scopes[i].scope))
            continue;
        if (h->scopes[i].state != GROUP_ACTIVE)
            return look_no(l, "%s is stuck in %s", look_name(l, device), scope_kinds[h->scopes[i].kind & 7]);
        for (size_t k = 0; h->scopes[i].members > 1 && k < h->row_count; k++) {
            if (h->rows[k].own && !h->rows[k].acked && ID_EQUAL(&h->rows[k].scope, &h->scopes[i].scope))
                return look_no(l, "%s has not sent entry %lld in %s, kind %lld", look_name(l, device),
                               (long long)h->rows[k].seq, scope_kinds[h->scopes[i].kind & 7],
                               (long long)h->rows[k].kind);
        }
    }
    return true;
}

/* ---- all of it ---- */

static bool no_false_text(struct look *l)
{
    for (size_t i = 0; i < world_count(l->s->w); i++) {
        if (world_is_on(l->s->w, i) && !l->s->devices[i].liar && l->s->devices[i].state != SIM_NEW &&
            l->s->devices[i].state != SIM_PAIRING && !look_said_right(l, i))
            return false;
    }
    return true;
}

static bool still_pairing(struct look *l, size_t device)
{
    char code[NODE_CODE_LEN + 1];
    size_t by = l->s->devices[device].by;
    enum pairing_state here = world_pairing(l->s->w, device, code);
    enum pairing_state there = world_is_on(l->s->w, by) ? world_pairing(l->s->w, by, code) : PAIRING_NONE;
    return look_no(l, "%s is still being paired (%s), and %s says %s (%s)", look_name(l, device),
                   pairing_state_name(here), look_name(l, by), pairing_state_name(there),
                   world_is_on(l->s->w, by) ? status_name(world_pairing_failed(l->s->w, by)) : "off");
}

static bool is_out(struct sim *s, size_t device)
{
    return world_number(s->w, device, "SELECT count(*) FROM recover WHERE kind = 1 AND state = 1") > 0;
}

/* A device that was put back waits for somebody of its family. Its copy may know only who is gone by now, or
 * was put back as well. */
static bool not_lost(struct look *l, size_t device)
{
    struct sim *s = l->s;
    bool known = !is_out(s, device);
    for (size_t i = 0; !known && i < world_count(s->w); i++) {
        char sql[160], hex[2 * ID_LEN + 1];
        hex_encode(hex, SPAN_ID(&s->devices[i].id));
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM device WHERE device = x'%s'", hex);
        known = i != device && look_counts(s, i) && !is_out(s, i) && world_number(s->w, device, sql) > 0;
    }
    return known || look_no(l, "%s was put back, and knows nobody who is left", look_name(l, device));
}

static bool converged(struct look *l)
{
    struct sim *s = l->s;
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (s->devices[i].state == SIM_PAIRING)
            return still_pairing(l, i);
        if (!look_counts(s, i))
            continue;
        read_rows(s, i, &held[i]);
        read_bases(s, i, &held[i]);
        read_scopes(s, i, &held[i]);
    }
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (look_counts(s, i) && (!not_lost(l, i) || !all_sent(l, i) || !none_removed(l, i)))
            return false;
    }
    if (!look_files(l))
        return false;
    for (size_t a = 0; a < world_count(s->w); a++) {
        for (size_t b = 0; b < world_count(s->w); b++) {
            if (a != b && look_counts(s, a) && look_counts(s, b) && !same_scopes(l, a, b))
                return false;
        }
        if (look_counts(s, a) && (!look_said_there(l, a) || !look_files_there(l, a)))
            return false;
    }
    return true;
}

static bool relay_lied(const struct sim *s)
{
    return (s->met & (1u << SIM_RESTORE | 1u << SIM_DROP | 1u << SIM_SWAP | 1u << SIM_WITHHOLD |
                      1u << SIM_FORK | 1u << SIM_OLDCOPY)) != 0;
}

/* Do these two have different entries of their family's authority chain at one height? */
static bool chains_fork(struct sim *s, size_t a, size_t b)
{
    struct query q;
    bool forks = false;
    query_start(&q, &world_node(s->w, a)->sql,
                "SELECT height, hash FROM chain WHERE chain = 1 AND family = (SELECT value FROM meta WHERE"
                " key = 'family')",
                "");
    while (!forks && query_next(&q)) {
        char sql[220], hex[2 * HASH_LEN + 1];
        hex_encode(hex, query_blob(&q, 1));
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM chain WHERE chain = 1 AND height = %lld AND hash != x'%s' AND family ="
                 " (SELECT value FROM meta WHERE key = 'family')",
                 (long long)query_int(&q, 0), hex);
        forks = world_number(s->w, b, sql) > 0;
    }
    assert_ok(query_end(&q));
    return forks;
}

static bool knows(struct sim *s, size_t device, size_t other)
{
    char sql[160], hex[2 * ID_LEN + 1];
    hex_encode(hex, SPAN_ID(&s->devices[other].id));
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM certificate WHERE device = x'%s'", hex);
    return world_number(s->w, device, sql) > 0;
}

/* In a branch of its family's chain in which nobody is left, and unknown to all who are. */
static bool is_left_behind(struct sim *s, size_t device)
{
    const struct sim_device *d = &s->devices[device];
    size_t family = s->persons[d->person].family;
    bool forked = false, known = false;
    for (size_t i = 0; look_counts(s, device) && i < world_count(s->w); i++) {
        if (i == device || !look_counts(s, i) || s->persons[s->devices[i].person].family != family)
            continue;
        forked = forked || chains_fork(s, device, i);
        known = known || knows(s, i, device);
    }
    return forked && !known && d->by != SIM_NOBODY && !look_counts(s, d->by);
}

/* A relay that shows somebody two commits the other way round can fork a family's chain: then it is frozen
 * until people meet (protocol.md §6.1). They pair anew what was paired by a device that is gone by now. */
static void meet_each_other(struct sim *s)
{
    for (size_t i = 0; i < world_count(s->w) && relay_lied(s); i++) {
        if (!is_left_behind(s, i))
            continue;
        s->devices[i].state = SIM_REMOVED;
        s->counts->anew++;
        sim_say(s, i, "is to be paired anew: its family's chain is forked");
    }
}

/* Where something lied, an alarm is right. */
static void no_alarms(struct sim *s)
{
    if (relay_lied(s) || (s->met & sim_liar_faults()) != 0)
        return;
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (look_counts(s, i) && world_alarms(s->w, i) != 0)
            sim_fail(s, "%s gives an alarm, and there is nothing to alarm", world_device_name(s->w, i));
    }
}

/* What is open (docs/reliability.md) does not fail a run that is not strict. */
static bool known(struct sim *s, const char *why)
{
    static const struct {
        const char *pattern, *what;
    } open[] = {
#define SIM_KNOWN(pattern, what) {pattern, what},
#include "tests/sim/sim_known.def"
    };
    for (size_t i = 0; !s->strict && i < sizeof(open) / sizeof(open[0]); i++) {
        if (fnmatch(open[i].pattern, why, 0) != 0)
            continue;
        printf("seed %llu: known: %s (%s)\n", (unsigned long long)s->seed, open[i].what, why);
        s->counts->known++;
        return true;
    }
    return false;
}

/* Texts that wait because somebody came in since are meant for them as well: so say their writers. And
 * everybody wants what they were told of. */
static void let_go(struct sim *s)
{
    for (size_t i = 0; i < world_count(s->w); i++) {
        if (look_counts(s, i))
            (void)world_do(s->w, i, CMD_WAITING_SEND, NULL, NULL, NULL, NULL);
    }
    sim_get_files(s);
}

void sim_converge(struct sim *s)
{
    struct look l = {.s = s};
    int64_t calm_ms = CALM_MS + (s->relay_gone ? MOVES_MS : 0), until_ms = world_now(s->w).mono_ms + calm_ms;
    let_go(s);
    meet_each_other(s);
    while (!converged(&l)) {
        if (!no_false_text(&l))
            sim_fail(s, "%s", l.why);
        (void)converged(&l);
        if (world_now(s->w).mono_ms >= until_ms && known(s, l.why))
            return;
        if (world_now(s->w).mono_ms >= until_ms)
            sim_fail(s, "after %d calm days: %s", (int)(calm_ms / SIM_DAY_MS), l.why);
        sim_pass(s, SLICE_MS);
        let_go(s);
        meet_each_other(s);
    }
    sim_cover(s);
    look_files_count(s);
    if (!no_false_text(&l))
        sim_fail(s, "%s", l.why);
    no_alarms(s);
    sim_say(s, SIM_NOBODY, "all is well");
}
