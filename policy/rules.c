/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rules.h"

#include <string.h>

struct range {
    uint16_t min, max;
};

/* By field; a field without a range has no single ordered value, and {1, 0} holds nothing. */
static const struct range ranges[FIELD_COUNT] = {
    [0] = {1, 0},
    [FIELD_APPROVAL] = {0, POLICY_APPROVAL_COUNT - 1},
    [FIELD_DISCOVERY] = {0, POLICY_DISCOVERY_COUNT - 1},
    [FIELD_APPROACH_NOTICE] = {0, POLICY_NOTICE_COUNT - 1},
    [FIELD_INTRODUCTIONS] = {0, POLICY_INTRODUCTIONS_COUNT - 1},
    [FIELD_GROUPS] = {0, POLICY_GROUPS_COUNT - 1},
    [FIELD_ATTACHMENTS] = {0, POLICY_ATTACHMENTS_COUNT - 1},
    [FIELD_QUIET] = {1, 0},
    [FIELD_PERMIT_DAYS] = {1, POLICY_PERMIT_DAYS_MAX},
    [FIELD_PENDING_MAX] = {0, POLICY_PENDING_MAX},
    [FIELD_OVERSIGHT] = {0, POLICY_OVERSIGHT_COUNT - 1},
    [FIELD_RELEASES] = {1, 0},
};

static bool in_range(enum policy_field field, unsigned value)
{
    return value >= ranges[field].min && value <= ranges[field].max;
}

void policy_defaults(struct policy *out)
{
    memset(out, 0, sizeof(*out));
    out->approval = POLICY_APPROVAL_ANY_PARENT;
    out->introductions = POLICY_INTRODUCTIONS_ASK;
    out->groups = POLICY_GROUPS_EVERY_PAIR;
    out->attachments = POLICY_ATTACHMENTS_IMAGES;
    out->permit_days = 365;
    out->pending_max = 10;
}

/* ---- quiet hours ---- */

static bool zone_is_good(const char *zone)
{
    size_t len = strnlen(zone, POLICY_ZONE_MAX + 1);
    if (len == 0 || len > POLICY_ZONE_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (zone[i] <= ' ' || zone[i] > '~')
            return false;
    return true;
}

static bool all_zero(const void *p, size_t len)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < len; i++)
        if (b[i] != 0)
            return false;
    return true;
}

static bool zone_is_canonical(const struct policy_quiet_zone *z)
{
    size_t len = strnlen(z->zone, sizeof(z->zone));
    return zone_is_good(z->zone) && all_zero(z->zone + len, sizeof(z->zone) - len) &&
           !all_zero(z->slots, sizeof(z->slots));
}

/* The place of `zone` in q: where it is, or where it would be put. */
static size_t zone_place(const struct policy_quiet *q, const char *zone)
{
    size_t at = 0;
    while (at < q->zone_count && strcmp(q->zones[at].zone, zone) < 0)
        at++;
    return at;
}

/* Adds the slots of z to q; false when q has no room for another zone. */
static bool quiet_join_zone(struct policy_quiet *q, const struct policy_quiet_zone *z)
{
    size_t at = zone_place(q, z->zone);
    if (at == q->zone_count || strcmp(q->zones[at].zone, z->zone) != 0) {
        if (q->zone_count == POLICY_ZONES_MAX)
            return false;
        memmove(&q->zones[at + 1], &q->zones[at], (q->zone_count - at) * sizeof(*z));
        q->zones[at] = *z;
        q->zone_count++;
        return true;
    }
    for (size_t i = 0; i < POLICY_QUIET_BYTES; i++)
        q->zones[at].slots[i] |= z->slots[i];
    return true;
}

/* The union; more zones than fit make it `always`, which keeps the merge associative: the zones of a union
 * only ever grow. */
static void quiet_merge(const struct policy_quiet *a, const struct policy_quiet *b, struct policy_quiet *out)
{
    struct policy_quiet q = *a;
    bool fits = !a->always && !b->always;
    for (size_t i = 0; fits && i < b->zone_count; i++)
        fits = quiet_join_zone(&q, &b->zones[i]);
    if (!fits) {
        memset(&q, 0, sizeof(q));
        q.always = true;
    }
    *out = q;
}

enum status policy_quiet_add(struct policy *p, const char *zone, uint16_t begin_min, uint16_t end_min)
{
    enum { WEEK_MIN = POLICY_QUIET_SLOTS * POLICY_QUIET_SLOT_MIN };
    struct policy_quiet_zone z = {{0}, {0}};
    if (!zone_is_good(zone) || begin_min >= WEEK_MIN || end_min > WEEK_MIN || begin_min == end_min ||
        begin_min % POLICY_QUIET_SLOT_MIN != 0 || end_min % POLICY_QUIET_SLOT_MIN != 0)
        return ST_POLICY_FIELD;
    memcpy(z.zone, zone, strlen(zone));
    size_t end = end_min / POLICY_QUIET_SLOT_MIN % POLICY_QUIET_SLOTS;
    size_t slot = begin_min / POLICY_QUIET_SLOT_MIN;
    do {
        z.slots[slot / 8] |= (uint8_t)(1u << (slot % 8));
        slot = (slot + 1) % POLICY_QUIET_SLOTS;
    } while (slot != end);
    if (p->quiet.always)
        return ST_OK; /* already more than is asked for */
    return quiet_join_zone(&p->quiet, &z) ? ST_OK : ST_POLICY_ZONES;
}

void policy_quiet_clear(struct policy *p)
{
    memset(&p->quiet, 0, sizeof(p->quiet));
}

bool policy_quiet_slot(const struct policy_quiet_zone *z, uint16_t minute_of_week)
{
    size_t slot = minute_of_week / POLICY_QUIET_SLOT_MIN % POLICY_QUIET_SLOTS;
    return (z->slots[slot / 8] >> (slot % 8) & 1) != 0;
}

/* ---- releases ---- */

static int release_compare(const struct policy_release *a, const struct policy_release *b)
{
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    if (a->field != b->field)
        return a->field < b->field ? -1 : 1;
    return (a->value > b->value) - (a->value < b->value);
}

static bool release_is_good(const struct policy_release *r)
{
    return r->at_ms >= 0 && r->field < FIELD_COUNT && r->field != FIELD_OVERSIGHT &&
           in_range((enum policy_field)r->field, r->value);
}

static bool release_stands_in(const struct policy *p, const struct policy_release *r)
{
    for (size_t i = 0; i < p->release_count; i++)
        if (release_compare(&p->releases[i], r) == 0)
            return true;
    return false;
}

/* ---- the document ---- */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

void policy_merge(const struct policy *a, const struct policy *b, struct policy *out)
{
    struct policy m;
    memset(&m, 0, sizeof(m));
    m.approval = (enum policy_approval)least(a->approval, b->approval);
    m.discovery = (enum policy_discovery)least(a->discovery, b->discovery);
    m.approach_notice = (enum policy_notice)least(a->approach_notice, b->approach_notice);
    m.introductions = (enum policy_introductions)least(a->introductions, b->introductions);
    m.groups = (enum policy_groups)least(a->groups, b->groups);
    m.attachments = (enum policy_attachments)least(a->attachments, b->attachments);
    quiet_merge(&a->quiet, &b->quiet, &m.quiet);
    m.permit_days = (uint16_t)least(a->permit_days, b->permit_days);
    m.pending_max = (uint8_t)least(a->pending_max, b->pending_max);
    m.oversight = (enum policy_oversight)least(a->oversight, b->oversight);
    for (size_t i = 0; i < a->release_count; i++)
        if (release_stands_in(b, &a->releases[i]))
            m.releases[m.release_count++] = a->releases[i];
    *out = m;
}

static bool quiet_is_good(const struct policy_quiet *q)
{
    if (q->zone_count > POLICY_ZONES_MAX || (q->always && q->zone_count != 0))
        return false;
    for (size_t i = 0; i < q->zone_count; i++)
        if (!zone_is_canonical(&q->zones[i]) ||
            (i > 0 && strcmp(q->zones[i - 1].zone, q->zones[i].zone) >= 0))
            return false;
    return all_zero(&q->zones[q->zone_count], (POLICY_ZONES_MAX - q->zone_count) * sizeof(q->zones[0]));
}

static bool releases_are_good(const struct policy *p)
{
    if (p->release_count > POLICY_RELEASES_MAX)
        return false;
    for (size_t i = 0; i < p->release_count; i++)
        if (!release_is_good(&p->releases[i]) ||
            (i > 0 && release_compare(&p->releases[i - 1], &p->releases[i]) >= 0))
            return false;
    return true;
}

enum status policy_check(const struct policy *p)
{
    bool good = in_range(FIELD_APPROVAL, p->approval) && in_range(FIELD_DISCOVERY, p->discovery) &&
                in_range(FIELD_APPROACH_NOTICE, p->approach_notice) &&
                in_range(FIELD_INTRODUCTIONS, p->introductions) && in_range(FIELD_GROUPS, p->groups) &&
                in_range(FIELD_ATTACHMENTS, p->attachments) && in_range(FIELD_PERMIT_DAYS, p->permit_days) &&
                in_range(FIELD_PENDING_MAX, p->pending_max) && in_range(FIELD_OVERSIGHT, p->oversight) &&
                quiet_is_good(&p->quiet) && releases_are_good(p);
    return good ? ST_OK : ST_POLICY_FIELD;
}

static bool quiet_equal(const struct policy_quiet *a, const struct policy_quiet *b)
{
    bool equal = a->always == b->always && a->zone_count == b->zone_count;
    for (size_t i = 0; equal && i < a->zone_count; i++)
        equal = strcmp(a->zones[i].zone, b->zones[i].zone) == 0 &&
                memcmp(a->zones[i].slots, b->zones[i].slots, POLICY_QUIET_BYTES) == 0;
    return equal;
}

bool policy_equal(const struct policy *a, const struct policy *b)
{
    bool equal = a->approval == b->approval && a->discovery == b->discovery &&
                 a->approach_notice == b->approach_notice && a->introductions == b->introductions &&
                 a->groups == b->groups && a->attachments == b->attachments &&
                 a->permit_days == b->permit_days && a->pending_max == b->pending_max &&
                 a->oversight == b->oversight && quiet_equal(&a->quiet, &b->quiet) &&
                 a->release_count == b->release_count;
    for (size_t i = 0; equal && i < a->release_count; i++)
        equal = release_compare(&a->releases[i], &b->releases[i]) == 0;
    return equal;
}

bool policy_at_most(const struct policy *a, const struct policy *b)
{
    struct policy both;
    policy_merge(a, b, &both);
    return policy_equal(&both, a);
}

/* ---- bytes ---- */

enum { RELEASE_LEN = 8 + 1 + 2, ZONE_LEN_MAX = 1 + POLICY_ZONE_MAX + POLICY_QUIET_BYTES };

enum status policy_encode(struct writer *w, const struct policy *p)
{
    enum status st = policy_check(p);
    if (st != ST_OK)
        return st;
    writer_u8(w, POLICY_VERSION);
    writer_u8(w, (uint8_t)p->approval);
    writer_u8(w, (uint8_t)p->discovery);
    writer_u8(w, (uint8_t)p->approach_notice);
    writer_u8(w, (uint8_t)p->introductions);
    writer_u8(w, (uint8_t)p->groups);
    writer_u8(w, (uint8_t)p->attachments);
    writer_u16(w, p->permit_days);
    writer_u8(w, p->pending_max);
    writer_u8(w, (uint8_t)p->oversight);
    writer_u8(w, p->quiet.always ? 1 : 0);
    size_t mark = writer_open(w);
    for (size_t i = 0; i < p->quiet.zone_count; i++) {
        writer_vec(w, span_text(p->quiet.zones[i].zone));
        writer_bytes(w, SPAN(p->quiet.zones[i].slots));
    }
    writer_close(w, mark);
    mark = writer_open(w);
    for (size_t i = 0; i < p->release_count; i++) {
        writer_time(w, p->releases[i].at_ms);
        writer_u8(w, p->releases[i].field);
        writer_u16(w, p->releases[i].value);
    }
    writer_close(w, mark);
    return writer_done(w);
}

static void quiet_read(struct reader *r, struct policy_quiet *q)
{
    q->always = reader_optional(r);
    struct reader zones = reader_enter(r, POLICY_ZONES_MAX * ZONE_LEN_MAX);
    while (reader_more(&zones)) {
        struct span name = reader_vec(&zones, POLICY_ZONE_MAX);
        struct policy_quiet_zone z = {{0}, {0}};
        reader_fixed(&zones, z.slots, sizeof(z.slots));
        if (name.len > 0)
            memcpy(z.zone, name.ptr, name.len);
        if (q->zone_count == POLICY_ZONES_MAX)
            reader_fail(&zones, ST_WIRE_LIMIT);
        else if (strnlen(z.zone, sizeof(z.zone)) != name.len)
            reader_fail(&zones, ST_POLICY_FIELD); /* a NUL inside */
        else
            q->zones[q->zone_count++] = z;
    }
    reader_leave(r, &zones);
}

static void releases_read(struct reader *r, struct policy *p)
{
    struct reader list = reader_enter(r, POLICY_RELEASES_MAX * RELEASE_LEN);
    while (reader_more(&list)) {
        struct policy_release one = {reader_time(&list), reader_u8(&list), reader_u16(&list)};
        if (p->release_count == POLICY_RELEASES_MAX)
            reader_fail(&list, ST_WIRE_LIMIT);
        else
            p->releases[p->release_count++] = one;
    }
    reader_leave(r, &list);
}

enum status policy_decode(struct policy *out, struct span in)
{
    struct reader r;
    struct policy p;
    memset(&p, 0, sizeof(p));
    reader_init(&r, in);
    if (reader_u8(&r) != POLICY_VERSION)
        reader_fail(&r, ST_WIRE_VERSION);
    p.approval = (enum policy_approval)reader_u8(&r);
    p.discovery = (enum policy_discovery)reader_u8(&r);
    p.approach_notice = (enum policy_notice)reader_u8(&r);
    p.introductions = (enum policy_introductions)reader_u8(&r);
    p.groups = (enum policy_groups)reader_u8(&r);
    p.attachments = (enum policy_attachments)reader_u8(&r);
    p.permit_days = reader_u16(&r);
    p.pending_max = reader_u8(&r);
    p.oversight = (enum policy_oversight)reader_u8(&r);
    quiet_read(&r, &p.quiet);
    releases_read(&r, &p);
    enum status st = reader_done(&r);
    if (st == ST_OK)
        st = policy_check(&p);
    if (st == ST_OK)
        *out = p;
    else
        policy_defaults(out);
    return st;
}
