/* SPDX-License-Identifier: Apache-2.0 */
/* Key packages inside the family: each device keeps eight and a last resort with every device that may add
 * it. */
#include "sync/key_packages.h"
#include "sync/family.h"

enum key_package_limits {
    KEEP = 8,
    REFILL_AT = 4,
    FRESH_DAYS = 60, /* of the 90 that adders take them for: older ones do not count */
    KEPT_DAYS = 150  /* an Admission may be on its way for as long as a relay keeps it */
};

enum status apply_key_packages(struct node *n, const struct applied_entry *e)
{
    const struct entry_key_packages *k = &e->body->u.key_packages;
    struct span rest = k->packages.bytes, package;
    enum status st = ST_OK;
    if (e->own || !ID_EQUAL(&k->adder, &n->self.device)) {
        return ST_OK;
    }
    while (st == ST_OK && wire_list_next(&rest, &package)) {
        st = key_package_keep(n, &e->author, false, package);
    }
    if (st == ST_OK && k->last_resort.len != 0) {
        st = key_package_keep(n, &e->author, true, k->last_resort);
    }
    return st == ST_OK ? groups_dirty(n) : st;
}

static enum status publish(struct node *n, const struct device_id *adder, int64_t count, bool last_resort)
{
    struct buffer list, one, last;
    struct scope_id scope;
    struct entry_body body = {.kind = ENTRY_KEY_PACKAGES};
    body.u.key_packages.adder = *adder;
    buffer_init(&list, WIRE_LIST_MAX);
    buffer_init(&one, WIRE_KEY_PACKAGE_MAX);
    buffer_init(&last, WIRE_KEY_PACKAGE_MAX);
    enum status st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope);
    for (int64_t i = 0; st == ST_OK && i < count; i++) {
        buffer_wipe(&one);
        st = key_package_make(n, adder, false, &one);
        if (st == ST_OK) {
            st = wire_list_append(&list, &body.u.key_packages.packages, buffer_span(&one));
        }
    }
    if (st == ST_OK && last_resort) {
        st = key_package_make(n, adder, true, &last);
        body.u.key_packages.last_resort = buffer_span(&last);
    }
    if (st == ST_OK) {
        st = journal_append(n, SCOPE_FAMILY, &scope, &body, NULL);
    }
    buffer_wipe(&list);
    buffer_wipe(&one);
    buffer_wipe(&last);
    return st;
}

static enum status refill(struct node *n, const struct device_id *adder)
{
    int64_t have = 0, last = 0, since = n->now.wall_ms - FRESH_DAYS * INT64_C(86400000);
    enum status st = sql_number(
        &n->sql, &have, 0,
        "SELECT count(*) FROM own_key_package WHERE for_device = ? AND last_resort = 0 AND at_ms > ?", "bi",
        SPAN_ID(adder), since);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &last, 0,
                        "SELECT count(*) FROM own_key_package WHERE for_device = ? AND last_resort = 1 AND"
                        " at_ms > ?",
                        "bi", SPAN_ID(adder), since);
    }
    if (st != ST_OK || (have >= REFILL_AT && last != 0)) {
        return st;
    }
    return publish(n, adder, have < REFILL_AT ? KEEP - have : 0, last == 0);
}

enum status key_packages_refill(struct node *n)
{
    struct family_device devices[WIRE_LEAVES_MAX];
    size_t count = 0;
    enum status st = sql_run(&n->sql, "DELETE FROM own_key_package WHERE at_ms < ?", "i",
                             n->now.wall_ms - KEPT_DAYS * INT64_C(86400000));
    if (st == ST_OK) {
        st = family_devices(n, NULL, devices, WIRE_LEAVES_MAX, &count);
    }
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        bool may_add = devices[i].role == ROLE_PARENT || ID_EQUAL(&devices[i].person, &n->self.person) ||
                       (n->self.role == ROLE_PARENT && devices[i].role == ROLE_CHILD);
        if (may_add && !ID_EQUAL(&devices[i].device, &n->self.device)) {
            st = refill(n, &devices[i].device);
        }
    }
    return st;
}
