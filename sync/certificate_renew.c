/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates are renewed unasked (protocol.md §6.2): by a parent's device, when half a year old, or when
 * their issuer's device is gone. They travel as entries of `family`; how they come into the groups: plan.c.
 */
#include "device/certificates.h"
#include "device/roster.h"
#include "sync/family.h"
#include "sync/journal.h"

enum renew_limits {
    RENEW_NEXT_MS = 10 * 60 * 1000, /* parents' devices in the order of their ids, each so much later */
    RENEW_LOOK_MS = 24 * 3600 * 1000
};

/* ---- renewing ---- */

static enum status issue(struct node *n, const struct authority *a, const struct device_certificate *old)
{
    struct device_certificate c;
    struct certificate_args args = {.at = a,
                                    .person = old->who.person,
                                    .device = old->device,
                                    .now_ms = n->now.wall_ms,
                                    .issuer = n->self.device,
                                    .key = &n->self.key};
    struct entry_body body = {.kind = ENTRY_CERTIFICATE};
    struct scope_id scope;
    struct buffer bytes;
    struct writer w;
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    writer_init(&w, &bytes);
    enum status st = certificate_issue(&c, &args);
    if (st == ST_OK) {
        st = device_certificate_encode(&w, &c);
    }
    if (st == ST_OK) {
        st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope);
    }
    body.u.certificate.certificate = buffer_span(&bytes);
    if (st == ST_OK) {
        st = journal_append(n, SCOPE_FAMILY, &scope, &body, NULL);
    }
    buffer_wipe(&bytes);
    return st;
}

/* When it came to be due: by its age, or when the issuer's removal was heard of. */
static enum status due_since(struct node *n, const struct authority *a, const struct device_certificate *c,
                             int64_t *at_ms)
{
    *at_ms = c->not_after_ms - CERTIFICATE_LIFE_MS + CERTIFICATE_RENEW_MS;
    if (!certificate_is_due(a, c, 0)) {
        return ST_OK;
    }
    return sql_number(&n->sql, at_ms, 0, "SELECT at_ms FROM revocation WHERE device = ?", "b",
                      SPAN_ID(&c->issuer));
}

struct renewal {
    const struct authority *a;
    int64_t rank, next_ms;
};

static enum status look_at(struct node *n, struct renewal *r, const struct device_id *device)
{
    struct device_certificate c;
    struct buffer bytes;
    int64_t due_ms = 0;
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    enum status st = family_certificate(n, device, &bytes, &c);
    if (st == ST_OK) {
        st = due_since(n, r->a, &c, &due_ms);
        due_ms += r->rank * RENEW_NEXT_MS;
    }
    if (st == ST_OK && due_ms <= n->now.wall_ms) {
        st = issue(n, r->a, &c);
    } else if (st == ST_OK && due_ms < r->next_ms) {
        r->next_ms = due_ms;
    }
    buffer_wipe(&bytes);
    return st == ST_NAME_UNKNOWN ? ST_OK : st; /* a device that is still on its way in */
}

static enum status renew(struct node *n, void *arg)
{
    struct family_device devices[WIRE_LEAVES_MAX];
    struct renewal *r = arg;
    const struct roster *roster;
    size_t count = 0;
    enum status st = family_states(n, &r->a, &roster);
    if (st != ST_OK || !authority_parent_of(r->a, &n->self.device)) {
        return st;
    }
    st = family_devices(n, NULL, devices, WIRE_LEAVES_MAX, &count);
    for (size_t i = 0; i < count && !ID_EQUAL(&devices[i].device, &n->self.device); i++) {
        r->rank += devices[i].role == ROLE_PARENT;
    }
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = look_at(n, r, &devices[i].device);
    }
    return st;
}

enum status certificates_due(struct node *n)
{
    struct renewal r = {.next_ms = n->now.wall_ms + RENEW_LOOK_MS};
    int64_t at_ms = 0;
    enum status st = meta_number(n, "certificates_at", 0, &at_ms);
    if (st != ST_OK || n->self.role != ROLE_PARENT) {
        return st;
    }
    if (at_ms <= n->now.wall_ms) {
        st = node_guard(n, renew, &r, NULL);
        at_ms = r.next_ms;
        if (st == ST_OK) {
            st = meta_set_number(n, "certificates_at", at_ms);
        }
    }
    node_wake_wall(n, at_ms);
    return st;
}

/* ---- a renewed one comes ---- */

/* Whoever wrote the entry: it carries its proof. One that held once is no defect, whatever has left the chain
 * since: so all who know the chain say the same of the entry; which of two is kept, family.c judges. */
enum status apply_certificate(struct node *n, const struct applied_entry *e)
{
    struct device_certificate c;
    enum status st = device_certificate_decode(&c, e->body->u.certificate.certificate);
    if (st == ST_OK && !ID_EQUAL(&c.who.family, &n->self.family)) {
        st = ST_CERTIFICATE_FAMILY;
    }
    if (st == ST_OK) {
        st = family_keep_certificate(n, e->body->u.certificate.certificate);
    }
    return st == ST_OK ? groups_dirty(n) : st;
}

/* ---- for groups ---- */

enum status certificate_if_fresher(struct node *n, struct span identity, struct buffer *out, bool *fresher)
{
    struct device_certificate there, kept;
    struct buffer bytes;
    *fresher = false;
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    enum status st = device_certificate_decode(&there, identity);
    if (st == ST_OK) {
        st = family_certificate(n, &there.device, &bytes, &kept);
    }
    if (st == ST_OK && !span_equal(identity, buffer_span(&bytes)) &&
        person_ref_equal(&there.who, &kept.who)) {
        *fresher = true;
        st = buffer_copy(out, buffer_span(&bytes));
    }
    buffer_wipe(&bytes);
    return st == ST_NAME_UNKNOWN ? ST_OK : st;
}
