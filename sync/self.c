/* SPDX-License-Identifier: Apache-2.0 */
/* Who this device is, and its key packages. */
#include "protocol/mls/group.h"
#include "sync/family.h"

enum self_limits {
    KEY_PACKAGE_DAYS = 90,                      /* refilled long before */
    KEY_PACKAGE_SPENT_MS = 7 * 24 * 3600 * 1000 /* for a rival founding, see family.h */
};

/* ---- self ---- */

static enum status read_fixed(struct node *n, const char *key, uint8_t *out, size_t len, bool *found)
{
    struct query q;
    *found = false;
    query_start(&q, &n->sql, "SELECT value FROM meta WHERE key = ?", "t", key);
    if (query_next(&q)) {
        query_fixed(&q, 0, out, len);
        *found = true;
    }
    return query_end(&q);
}

enum status self_refresh(struct node *n)
{
    struct self s;
    uint8_t seed[SIGN_SEED_LEN];
    int64_t role = 0, removed = 0;
    bool key = false, person = false;
    if (!n->self_stale) {
        return ST_OK;
    }
    memset(&s, 0, sizeof(s));
    enum status st = read_fixed(n, "device_seed", seed, sizeof(seed), &key);
    if (st == ST_OK && key) {
        struct sign_public public;
        sign_keypair_from_seed(seed, &s.key, &public);
        memcpy(s.device.b, public.b, sizeof(s.device.b));
    }
    bytes_wipe(seed, sizeof(seed));
    if (st == ST_OK) {
        st = read_fixed(n, "family", s.family.b, sizeof(s.family.b), &s.in_family);
    }
    if (st == ST_OK && s.in_family) {
        st = read_fixed(n, "person", s.person.b, sizeof(s.person.b), &person);
    }
    if (st == ST_OK) {
        st = meta_number(n, "role", 0, &role);
    }
    if (st == ST_OK) {
        st = meta_number(n, "removed", 0, &removed);
    }
    s.role = (enum person_role)role;
    s.supervised = role == ROLE_CHILD;
    s.removed = removed != 0;
    if (st == ST_OK) {
        n->self = s;
        n->self_stale = false;
        sql_all_stale(&n->sql.watches);
    }
    bytes_wipe(&s, sizeof(s));
    return st;
}

static enum status reread(struct node *n)
{
    n->self_stale = n->self_touched = true;
    return self_refresh(n);
}

enum status self_make_key(struct node *n)
{
    uint8_t seed[SIGN_SEED_LEN];
    bool found = false;
    enum status st = read_fixed(n, "device_seed", seed, sizeof(seed), &found);
    if (st == ST_OK && !found) {
        entropy_fill(&n->entropy, seed, sizeof(seed));
        st = meta_set_bytes(n, "device_seed", SPAN(seed));
    }
    bytes_wipe(seed, sizeof(seed));
    return st == ST_OK ? reread(n) : st;
}

struct person_ref self_person(const struct node *n)
{
    return (struct person_ref){n->self.family, n->self.person};
}

enum status self_join(struct node *n, const struct family_id *family, const struct person_id *person,
                      enum person_role role)
{
    enum status st = meta_set_bytes(n, "family", SPAN_ID(family));
    if (st == ST_OK) {
        st = meta_set_bytes(n, "person", SPAN_ID(person));
    }
    if (st == ST_OK) {
        st = meta_set_number(n, "role", (int64_t)role);
    }
    return st == ST_OK ? reread(n) : st;
}

enum status self_removed(struct node *n)
{
    enum status st = meta_set_number(n, "removed", 1);
    return st == ST_OK ? reread(n) : st;
}

enum status family_own_certificate(struct node *n, struct buffer *out)
{
    bool found = false;
    enum status st = sql_bytes(&n->sql, out, &found, "SELECT certificate FROM certificate WHERE device = ?",
                               "b", SPAN_ID(&n->self.device));
    return st == ST_OK && !found ? ST_COMMAND_NOT_IN_FAMILY : st;
}

enum status family_relay(struct node *n, char out[static WIRE_RELAY_MAX + 1])
{
    struct query q;
    out[0] = '\0';
    query_start(&q, &n->sql, "SELECT value FROM meta WHERE key = 'relay'", "");
    if (query_next(&q)) {
        sqlite3_snprintf(WIRE_RELAY_MAX + 1, out, "%s", query_text(&q, 0));
    }
    return query_end(&q);
}

/* ---- key packages ---- */

/* MLSMessage's header of a KeyPackage: version mls10, wire_format mls_key_package (RFC 9420 §6). */
static const uint8_t package_header[4] = {0, 1, 0, 5};

enum status key_package_make(struct node *n, const struct device_id *adder, bool last_resort,
                             struct buffer *out)
{
    static const uint16_t understood[] = {KITH_CONTEXT_EXTENSION};
    struct buffer certificate, message, record;
    uint8_t ref[HASH_LEN];
    buffer_init(&certificate, WIRE_CERTIFICATE_MAX);
    buffer_init(&message, WIRE_KEY_PACKAGE_MAX + sizeof(package_header));
    buffer_init(&record, 4096);
    enum status st = family_own_certificate(n, &certificate);
    if (st == ST_OK) {
        struct mls_key_package_args args = {
            .self = {buffer_span(&certificate), &n->self.key, understood, 1},
            .not_before_ms = n->now.wall_ms - INT64_C(86400000),
            .not_after_ms = n->now.wall_ms + KEY_PACKAGE_DAYS * INT64_C(86400000),
            .last_resort = last_resort,
        };
        st = mls_key_package_new(&args, &n->entropy, ref, &message, &record);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "INSERT INTO own_key_package VALUES(?,?,?,?,?,?)", "bbibbi", SPAN(ref),
                     SPAN_ID(adder), (int64_t)last_resort, buffer_span(&message), buffer_span(&record),
                     n->now.wall_ms);
    }
    if (st == ST_OK) {
        st = buffer_append(
            out, SPAN_OF(message.ptr + sizeof(package_header), message.len - sizeof(package_header)));
    }
    buffer_wipe(&certificate);
    buffer_wipe(&message);
    buffer_wipe(&record);
    return st;
}

enum status key_package_spent(struct node *n, const uint8_t ref[static HASH_LEN])
{
    static const struct device_id anybody;
    enum status st = sql_run(&n->sql, "DELETE FROM own_key_package WHERE ref = ? AND for_device != ?", "bb",
                             SPAN_OF(ref, HASH_LEN), SPAN_ID(&anybody));
    return st == ST_OK
               ? sql_run(&n->sql, "UPDATE own_key_package SET last_resort = 2, at_ms = ? WHERE ref = ?", "ib",
                         n->now.wall_ms, SPAN_OF(ref, HASH_LEN))
               : st;
}

enum status key_packages_forget(struct node *n)
{
    return sql_run(&n->sql, "DELETE FROM own_key_package WHERE last_resort = 2 AND at_ms < ?", "i",
                   n->now.wall_ms - KEY_PACKAGE_SPENT_MS);
}

enum status key_package_message(struct span package, struct buffer *out)
{
    enum status st = buffer_append(out, SPAN(package_header));
    return st == ST_OK ? buffer_append(out, package) : st;
}

enum status key_package_keep(struct node *n, const struct device_id *device, bool last_resort,
                             struct span package)
{
    struct buffer message;
    uint8_t ref[HASH_LEN];
    struct sign_public key;
    buffer_init(&message, WIRE_KEY_PACKAGE_MAX + sizeof(package_header));
    enum status st = key_package_message(package, &message);
    if (st == ST_OK) {
        st = mls_key_package_read(buffer_span(&message), ref, NULL, &key);
    }
    if (st == ST_OK && memcmp(key.b, device->b, sizeof(key.b)) != 0) {
        st = ST_JOURNAL_AUTHOR;
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "INSERT OR IGNORE INTO peer_key_package VALUES(?,?,?,?,?)", "bbibi", SPAN(ref),
                     SPAN_ID(device), (int64_t)last_resort, buffer_span(&message), n->now.wall_ms);
    }
    buffer_wipe(&message);
    return st;
}

enum status key_package_take(struct node *n, const struct device_id *device, struct buffer *out, bool *found)
{
    struct query q;
    uint8_t ref[HASH_LEN];
    bool keep = false;
    *found = false;
    query_start(&q, &n->sql,
                "SELECT ref, message, last_resort FROM peer_key_package WHERE device = ? AND at_ms > ?"
                " ORDER BY last_resort, at_ms LIMIT 1",
                "bi", SPAN_ID(device), n->now.wall_ms - (KEY_PACKAGE_DAYS - 1) * INT64_C(86400000));
    if (query_next(&q)) {
        query_fixed(&q, 0, ref, sizeof(ref));
        query_fail(&q, buffer_append(out, query_blob(&q, 1)));
        keep = query_int(&q, 2) != 0;
        *found = true;
    }
    enum status st = query_end(&q);
    if (st == ST_OK && *found && !keep) {
        st = sql_run(&n->sql, "DELETE FROM peer_key_package WHERE ref = ?", "b", SPAN(ref));
    }
    return st;
}
