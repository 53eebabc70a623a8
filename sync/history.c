/* SPDX-License-Identifier: Apache-2.0 */
/* History for a person's new device (protocol.md §9): packed here, unpacked there. In one go, without resume.
 */
#include "sync/history.h"

#include <zstd.h>

#include "protocol/history_part.h"
#include "sync/family.h"
#include "sync/logs.h"

enum history_pack_limits {
    PACK_RAW_MAX = 768 * 1024, /* one part: packed it fits one message even when it does not shrink */
    PACK_LEVEL = 3
};

struct packing { /* one offer on its way */
    struct node *n;
    int64_t log, count;
    struct history_manifest manifest;
    struct buffer ranges, raw;
    struct wire_list list;
    struct history_range range;
    uint32_t index;
};

/* ---- packing ---- */

static enum status append_part(struct packing *p, struct span packed)
{
    struct buffer message;
    struct writer w;
    struct history_part part = {p->index++, packed};
    buffer_init(&message, BLOCK_MESSAGE_MAX);
    writer_init(&w, &message);
    enum status st = history_part_encode(&w, &part);
    if (st == ST_OK) {
        struct span s = buffer_span(&message);
        st = logs_append(p->n, p->log, &s, 1, OUTBOX_PLAIN, 0, NULL);
    }
    buffer_wipe(&message);
    return st;
}

/* Ends the part that is being filled: its own compression, no secret beside another conversation's text. */
static enum status flush_part(struct packing *p)
{
    size_t cap = ZSTD_compressBound(p->raw.len);
    if (p->range.entry_count == 0) {
        return ST_OK;
    }
    uint8_t *packed = mem_alloc(cap, 1);
    if (!packed) {
        return ST_NO_MEMORY;
    }
    size_t len = ZSTD_compress(packed, cap, p->raw.ptr, p->raw.len, PACK_LEVEL);
    enum status st = ZSTD_isError(len) ? ST_INTERNAL : ST_OK;
    if (st == ST_OK) {
        p->range.raw_size = (uint32_t)p->raw.len;
        p->range.packed_size = (uint32_t)len;
        hash_bytes(SPAN_OF(packed, len), p->range.sha256);
        st = history_manifest_add(&p->manifest, &p->ranges, &p->range);
    }
    if (st == ST_OK) {
        st = append_part(p, SPAN_OF(packed, len));
    }
    mem_free(packed, cap);
    p->count += p->range.entry_count;
    p->range.entry_count = 0;
    p->raw.len = 0;
    p->list = (struct wire_list){0};
    return st;
}

static enum status pack_entry(struct packing *p, struct span entry, uint64_t hlc)
{
    enum status st = ST_OK;
    if (p->raw.len + entry.len + 8 > PACK_RAW_MAX) {
        st = flush_part(p);
    }
    if (st == ST_OK) {
        st = wire_list_append(&p->raw, &p->list, entry);
    }
    if (st == ST_OK) {
        p->range.first_hlc = p->range.entry_count == 0 ? hlc : p->range.first_hlc;
        p->range.last_hlc = hlc;
        p->range.entry_count++;
    }
    return st;
}

static enum status pack_scope(struct packing *p, const struct scope_id *scope)
{
    struct query q;
    p->range = (struct history_range){.scope = *scope};
    query_start(&q, &p->n->sql,
                "SELECT entry, hlc FROM entry WHERE scope = ? AND applied = 1 AND has_body = 1 AND kind = ?"
                " ORDER BY hlc, hash",
                "bi", SPAN_ID(scope), (int64_t)ENTRY_TEXT);
    while (query_next(&q)) {
        query_fail(&q, pack_entry(p, query_blob(&q, 0), (uint64_t)query_int(&q, 1)));
    }
    enum status st = query_end(&q);
    return st == ST_OK ? flush_part(p) : st;
}

static enum status pack_all(struct packing *p)
{
    struct query q;
    struct scope_id scope;
    enum status st = scope_id_of_family(SCOPE_FAMILY, &p->n->self.family, &scope);
    if (st == ST_OK) {
        st = pack_scope(p, &scope);
    }
    query_start(&q, &p->n->sql, "SELECT scope FROM contact WHERE person = ? ORDER BY since_at DESC", "b",
                SPAN_ID(&p->n->self.person));
    while (st == ST_OK && query_next(&q)) {
        QUERY_ID(&q, 0, &scope);
        st = pack_scope(p, &scope);
    }
    enum status end = query_end(&q);
    return st == ST_OK ? end : st;
}

/* A log of its own, whose keys go over in `own`. */
static enum status open_bulk_log(struct packing *p, const char *relay)
{
    struct log_keys keys;
    log_keys_new(p->n, true, &keys);
    struct log_args a = {.kind = LOG_OUTWARD, .relay = relay, .keys = &keys};
    memcpy(p->manifest.read_token.b, keys.read.b, sizeof(p->manifest.read_token.b));
    memcpy(p->manifest.write_hash, keys.hashes.of[LOG_WRITE].b, HASH_LEN);
    memcpy(p->manifest.trim_hash, keys.hashes.of[LOG_TRIM].b, HASH_LEN);
    p->manifest.block_key = keys.block_key;
    p->manifest.relay = span_text(relay);
    enum status st = logs_add(p->n, &a, &p->log);
    log_keys_wipe(&keys);
    return st;
}

static enum status write_offer(struct packing *p, const struct device_id *device)
{
    struct buffer bytes;
    struct writer w;
    struct scope_id own;
    struct entry_body body = {.kind = ENTRY_HISTORY_OFFER};
    buffer_init(&bytes, ENTRY_BODY_MAX);
    writer_init(&w, &bytes);
    enum status st = history_manifest_encode(&w, &p->manifest);
    if (st == ST_OK) {
        st = scope_id_of_person(SCOPE_OWN, &p->n->self.person, &own);
    }
    if (st == ST_OK) {
        body.u.history_offer.to = *device;
        body.u.history_offer.manifest = buffer_span(&bytes);
        st = journal_append(p->n, SCOPE_OWN, &own, &body, NULL);
    }
    buffer_wipe(&bytes);
    return st;
}

enum status history_offer_to(struct node *n, const struct device_id *device)
{
    char relay[WIRE_RELAY_MAX + 1];
    struct packing p = {.n = n};
    buffer_init(&p.ranges, HISTORY_PARTS_MAX * 256);
    buffer_init(&p.raw, PACK_RAW_MAX + ENTRY_BODY_MAX);
    enum status st = family_relay(n, relay);
    if (st == ST_OK) {
        st = open_bulk_log(&p, relay);
    }
    if (st == ST_OK) {
        st = pack_all(&p);
    }
    if (st == ST_OK && p.count != 0) {
        st = write_offer(&p, device);
    }
    bytes_wipe(&p.manifest, sizeof(p.manifest));
    buffer_wipe(&p.ranges);
    buffer_wipe(&p.raw);
    return st;
}

/* ---- unpacking ---- */

enum status apply_history_offer(struct node *n, const struct applied_entry *e)
{
    struct history_manifest m;
    struct log_keys keys;
    char relay[WIRE_RELAY_MAX + 1];
    int64_t log = 0;
    if (e->own || !ID_EQUAL(&e->body->u.history_offer.to, &n->self.device)) {
        return ST_OK;
    }
    enum status st = history_manifest_decode(&m, e->body->u.history_offer.manifest);
    if (st != ST_OK) {
        return st;
    }
    memset(&keys, 0, sizeof(keys));
    keys.can_read = true;
    memcpy(keys.read.b, m.read_token.b, sizeof(keys.read.b));
    memcpy(keys.hashes.of[LOG_WRITE].b, m.write_hash, HASH_LEN);
    memcpy(keys.hashes.of[LOG_TRIM].b, m.trim_hash, HASH_LEN);
    keys.block_key = m.block_key;
    log_keys_hash(&keys);
    sqlite3_snprintf(sizeof(relay), relay, "%.*s", (int)m.relay.len, (const char *)m.relay.ptr);
    struct log_args a = {
        .kind = LOG_OF_HISTORY, .owner = e->id, .relay = relay, .keys = &keys, .listen = true};
    st = logs_add(n, &a, &log);
    log_keys_wipe(&keys);
    bytes_wipe(&m, sizeof(m));
    return st;
}

struct offered { /* the range that a part claims to be, from the offer's manifest */
    struct history_range range;
    struct device_id from;
};

static enum status find_range(struct node *n, int64_t offer, uint32_t index, struct offered *out)
{
    struct buffer bytes;
    struct journal_entry e;
    struct entry_body body;
    struct history_manifest m;
    bool found = false;
    buffer_init(&bytes, GROUP_MESSAGE_MAX);
    enum status st = sql_bytes(&n->sql, &bytes, &found, "SELECT entry FROM entry WHERE id = ?", "i", offer);
    if (st == ST_OK) {
        st = found ? journal_entry_decode(&e, buffer_span(&bytes)) : ST_STORE_ROW;
    }
    if (st == ST_OK) {
        st = entry_body_decode(&body, e.kind, e.body);
    }
    if (st == ST_OK) {
        st = history_manifest_decode(&m, body.u.history_offer.manifest);
    }
    if (st == ST_OK && index >= m.part_count) {
        st = ST_WIRE_VALUE;
    }
    if (st == ST_OK) {
        history_manifest_part(&m, index, &out->range);
        out->from = e.header.author;
    }
    bytes_wipe(&m, sizeof(m));
    buffer_wipe(&bytes);
    return st;
}

struct unpacked {
    const struct offered *offer;
    enum scope_kind kind;
    struct span entry;
};

static enum status take_entry(struct node *n, void *arg)
{
    struct unpacked *u = arg;
    return journal_take_passed_on(n, u->kind, &u->offer->range.scope, u->entry, &u->offer->from);
}

/* Entry by entry: one that does not count does not take the others with it. */
static enum status take_entries(struct node *n, const struct offered *o, struct span raw, int64_t *taken)
{
    struct scope_id family;
    struct unpacked u = {.offer = o};
    struct span rest = raw;
    enum status why, st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &family);
    u.kind = ID_EQUAL(&family, &o->range.scope) ? SCOPE_FAMILY : SCOPE_CONVERSATION;
    while (st == ST_OK && wire_list_next(&rest, &u.entry)) {
        st = node_guard(n, take_entry, &u, &why);
        *taken += why == ST_OK;
    }
    return st;
}

enum status history_record(struct node *n, const struct log_row *log, struct span message)
{
    struct history_part part;
    struct offered o;
    uint8_t hash[HASH_LEN];
    char count[24];
    int64_t taken = 0;
    enum status st = history_part_decode(&part, message);
    if (st == ST_OK) {
        st = find_range(n, log->owner, part.index, &o);
    }
    if (st == ST_OK) {
        hash_bytes(part.packed, hash);
        bool as_told = part.packed.len == o.range.packed_size &&
                       memcmp(hash, o.range.sha256, HASH_LEN) == 0 && o.range.raw_size <= HISTORY_RAW_MAX;
        st = as_told ? ST_OK : ST_WIRE_VALUE;
    }
    uint8_t *raw = st == ST_OK ? mem_alloc((size_t)o.range.raw_size + 1, 1) : NULL;
    if (st == ST_OK && !raw) {
        st = ST_NO_MEMORY;
    }
    if (st == ST_OK &&
        ZSTD_decompress(raw, o.range.raw_size, part.packed.ptr, part.packed.len) != o.range.raw_size) {
        st = ST_WIRE_VALUE;
    }
    if (st == ST_OK) {
        st = take_entries(n, &o, SPAN_OF(raw, o.range.raw_size), &taken);
    }
    if (raw) {
        mem_free(raw, (size_t)o.range.raw_size + 1);
    }
    if (st == ST_OK) {
        sqlite3_snprintf(sizeof(count), count, "%lld", (long long)taken);
        st = node_notice(n, NOTICE_HISTORY, "", count, &o.range.scope);
    }
    return st;
}
