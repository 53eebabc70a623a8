/* SPDX-License-Identifier: Apache-2.0 */
/* History for a person's new device (protocol.md §9): packed and offered here, and taken in.
 *
 * What comes is passed on by one's own other device; each entry counts only as far as journals let it: it is
 * shown as passed on until it chains to a head that its author announced. */
#include "sync/history.h"

#include <stdio.h>

#include "device/certificates.h"
#include "sync/family.h"
#include "sync/history_pack.h"
#include "sync/logs.h"

enum {
    SCOPES_MAX = HISTORY_PARTS_MAX,
    PART_RAW_AIM = 256 * 1024, /* entries of one part: it stays one message of at most 64 blocks */
    AUTHORS_MAX = 64           /* of one part */
};

/* ---- giving: one part ---- */

struct giving { /* an offer under construction */
    struct node *n;
    struct history_manifest manifest;
    struct buffer ranges;
    int64_t log;
    struct history_pack pack;
    struct history_range range;
    struct device_id authors[AUTHORS_MAX];
    size_t author_count;
    uint64_t entries;
};

static enum status add_author(struct giving *g, const struct device_id *author)
{
    struct buffer bytes;
    struct device_certificate c;
    for (size_t i = 0; i < g->author_count; i++)
        if (ID_EQUAL(&g->authors[i], author))
            return ST_OK;
    if (g->author_count == AUTHORS_MAX)
        return ST_NO_SPACE;
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    enum status st = family_certificate(g->n, author, &bytes, &c);
    if (st == ST_OK)
        st = history_pack_certificate(&g->pack, buffer_span(&bytes));
    if (st == ST_OK)
        g->authors[g->author_count++] = *author;
    buffer_wipe(&bytes);
    return st == ST_NAME_UNKNOWN ? ST_OK : st;
}

/* Sends what is packed as the next part. */
static enum status send_part(struct giving *g)
{
    struct buffer packed, message;
    struct writer w;
    int64_t last;
    if (g->pack.count == 0)
        return ST_OK;
    buffer_init(&packed, HISTORY_PACKED_MAX);
    buffer_init(&message, HISTORY_PACKED_MAX);
    enum status st = history_pack_close(&g->pack, &packed, &g->range);
    struct history_part part = {(uint32_t)g->manifest.part_count, buffer_span(&packed)};
    writer_init(&w, &message);
    if (st == ST_OK)
        st = history_part_encode(&w, &part);
    if (st == ST_OK)
        st = history_manifest_add(&g->manifest, &g->ranges, &g->range);
    if (st == ST_OK) {
        struct span one = buffer_span(&message);
        st = logs_append(g->n, g->log, &one, 1, OUTBOX_PLAIN, 0, &last);
    }
    g->entries += g->pack.count;
    history_pack_free(&g->pack);
    history_pack_init(&g->pack);
    g->author_count = 0;
    buffer_wipe(&packed);
    buffer_wipe(&message);
    return st;
}

static enum status add_entry(struct giving *g, const struct device_id *author, uint64_t hlc,
                             struct span entry)
{
    bool full = g->pack.entries.len + entry.len > PART_RAW_AIM || g->author_count == AUTHORS_MAX;
    enum status st = g->pack.count > 0 && full ? send_part(g) : ST_OK;
    if (st == ST_OK)
        st = add_author(g, author);
    if (st == ST_OK)
        st = history_pack_entry(&g->pack, entry);
    if (g->pack.count == 1)
        g->range.first_hlc = g->range.last_hlc = hlc;
    g->range.first_hlc = hlc < g->range.first_hlc ? hlc : g->range.first_hlc;
    g->range.last_hlc = hlc > g->range.last_hlc ? hlc : g->range.last_hlc;
    return st;
}

static enum status add_scope(struct giving *g, const struct scope_id *scope)
{
    struct query q;
    enum status st = ST_OK;
    g->range.scope = *scope;
    query_start(
        &q, &g->n->sql,
        "SELECT author, hlc, entry FROM entry WHERE scope = ? AND kind = ? AND applied = 1 AND has_body = 1"
        " ORDER BY author, seq",
        "bi", SPAN_ID(scope), (int64_t)ENTRY_TEXT);
    while (st == ST_OK && query_next(&q)) {
        struct device_id author;
        QUERY_ID(&q, 0, &author);
        st = add_entry(g, &author, (uint64_t)query_int(&q, 1), query_blob(&q, 2));
    }
    enum status end = query_end(&q);
    if (st == ST_OK)
        st = end;
    return st == ST_OK ? send_part(g) : st;
}

/* ---- giving: the offer ---- */

/* The conversations of this person, newest first, and last what was said in the family. */
static enum status find_scopes(struct node *n, struct scope_id *out, size_t *count)
{
    struct query q;
    *count = 0;
    query_start(
        &q, &n->sql,
        "SELECT c.scope, (SELECT max(hlc) FROM entry e WHERE e.scope = c.scope) AS newest FROM contact c"
        " WHERE c.person = ? AND newest IS NOT NULL ORDER BY newest DESC LIMIT 256",
        "b", SPAN_ID(&n->self.person));
    while (*count < SCOPES_MAX - 1 && query_next(&q))
        QUERY_ID(&q, 0, &out[(*count)++]);
    enum status st = query_end(&q);
    return st == ST_OK ? scope_id_of_family(SCOPE_FAMILY, &n->self.family, &out[(*count)++]) : st;
}

static enum status open_log(struct giving *g)
{
    struct log_keys k;
    char relay[WIRE_RELAY_MAX + 1];
    log_keys_new(g->n, true, &k);
    enum status st = family_relay(g->n, relay);
    if (st == ST_OK) {
        struct log_args a = {.kind = LOG_OUTWARD, .relay = relay, .keys = &k};
        st = logs_add(g->n, &a, &g->log);
    }
    memcpy(g->manifest.read_token.b, k.read.b, SECRET_LEN);
    memcpy(g->manifest.write_hash, k.hashes.of[LOG_WRITE].b, HASH_LEN);
    memcpy(g->manifest.trim_hash, k.hashes.of[LOG_TRIM].b, HASH_LEN);
    g->manifest.block_key = k.block_key;
    log_keys_wipe(&k);
    return st;
}

static enum status write_offer(struct giving *g, const struct device_id *to)
{
    struct entry_body body = {.kind = ENTRY_HISTORY_OFFER, .u.history_offer.to = *to};
    struct buffer manifest;
    struct scope_id own;
    struct writer w;
    char relay[WIRE_RELAY_MAX + 1];
    buffer_init(&manifest, ENTRY_BODY_MAX);
    writer_init(&w, &manifest);
    enum status st = family_relay(g->n, relay);
    g->manifest.relay = span_text(relay);
    if (st == ST_OK)
        st = history_manifest_encode(&w, &g->manifest);
    if (st == ST_OK)
        st = scope_id_of_person(SCOPE_OWN, &g->n->self.person, &own);
    body.u.history_offer.manifest = buffer_span(&manifest);
    if (st == ST_OK)
        st = journal_append(g->n, SCOPE_OWN, &own, &body, NULL);
    buffer_wipe(&manifest);
    return st;
}

static enum status give(struct node *n, const struct device_id *to)
{
    struct scope_id *scopes = mem_alloc(SCOPES_MAX, sizeof(*scopes));
    struct giving g;
    size_t count = 0;
    memset(&g, 0, sizeof(g));
    g.n = n;
    buffer_init(&g.ranges, ENTRY_BODY_MAX);
    history_pack_init(&g.pack);
    enum status st = scopes == NULL ? ST_NO_MEMORY : find_scopes(n, scopes, &count);
    if (st == ST_OK)
        st = open_log(&g);
    for (size_t i = 0; st == ST_OK && i < count; i++)
        st = add_scope(&g, &scopes[i]);
    if (st == ST_OK && g.entries > 0)
        st = write_offer(&g, to);
    history_pack_free(&g.pack);
    buffer_wipe(&g.ranges);
    bytes_wipe(&g.manifest, sizeof(g.manifest));
    mem_free(scopes, SCOPES_MAX * sizeof(*scopes));
    return st;
}

enum status history_offer_to(struct node *n, const struct device_id *device)
{
    char key[16 + 2 * ID_LEN];
    int64_t done = 0;
    memcpy(key, "history:", 8);
    hex_encode(key + 8, SPAN_ID(device));
    enum status st = meta_number(n, key, 0, &done);
    if (st != ST_OK || done != 0)
        return st;
    st = give(n, device);
    return st == ST_OK ? meta_set_number(n, key, 1) : st;
}

/* ---- taking ---- */

static enum status listen(struct node *n, int64_t owner, const struct history_manifest *m)
{
    struct log_keys k;
    char relay[WIRE_RELAY_MAX + 1];
    int64_t log;
    memset(&k, 0, sizeof(k));
    if (m->relay.len > WIRE_RELAY_MAX)
        return ST_WIRE_LIMIT;
    sqlite3_snprintf((int)sizeof(relay), relay, "%.*s", (int)m->relay.len, (const char *)m->relay.ptr);
    k.can_read = true;
    memcpy(k.read.b, m->read_token.b, sizeof(k.read.b));
    memcpy(k.hashes.of[LOG_WRITE].b, m->write_hash, HASH_LEN);
    memcpy(k.hashes.of[LOG_TRIM].b, m->trim_hash, HASH_LEN);
    k.block_key = m->block_key;
    log_keys_hash(&k);
    struct log_args a = {.kind = LOG_OF_HISTORY, .owner = owner, .relay = relay, .keys = &k, .listen = true};
    enum status st = logs_add(n, &a, &log);
    log_keys_wipe(&k);
    return st;
}

/* `own` has this person's devices only, so whoever offers is one of them. */
enum status apply_history_offer(struct node *n, const struct applied_entry *e)
{
    const struct entry_history_offer *o = &e->body->u.history_offer;
    struct history_manifest m;
    if (e->own || !ID_EQUAL(&o->to, &n->self.device))
        return ST_OK;
    if (e->scope_kind != SCOPE_OWN || e->closes_only)
        return ST_JOURNAL_AUTHOR;
    enum status st = history_manifest_decode(&m, o->manifest);
    if (st == ST_OK)
        st = listen(n, e->id, &m);
    bytes_wipe(&m, sizeof(m));
    return st;
}

struct taking { /* one part on its way in */
    struct device_id via;
    struct history_range range;
    size_t index, part_count;
    struct span item;
    enum scope_kind kind;
    uint32_t kept;
};

/* The range that the offer promised for this part. */
static enum status find_range(struct node *n, int64_t offer, const struct history_part *part,
                              struct taking *t)
{
    struct query q;
    struct journal_entry e;
    struct entry_body body;
    struct history_manifest m;
    query_start(&q, &n->sql, "SELECT author, entry FROM entry WHERE id = ? AND kind = ? AND applied = 1",
                "ii", offer, (int64_t)ENTRY_HISTORY_OFFER);
    enum status st = query_next(&q) ? ST_OK : ST_HISTORY_PART;
    if (st == ST_OK) {
        QUERY_ID(&q, 0, &t->via);
        st = journal_entry_decode(&e, query_blob(&q, 1));
    }
    if (st == ST_OK)
        st = entry_body_decode(&body, e.kind, e.body);
    if (st == ST_OK)
        st = history_manifest_decode(&m, body.u.history_offer.manifest);
    if (st == ST_OK && part->index >= m.part_count)
        st = ST_HISTORY_PART;
    if (st == ST_OK) {
        t->index = part->index;
        t->part_count = m.part_count;
        history_manifest_part(&m, part->index, &t->range);
        bytes_wipe(&m, sizeof(m));
    }
    enum status end = query_end(&q);
    return st == ST_OK ? end : st;
}

/* Nobody's certificate is replaced by one that came this way. */
static enum status keep_certificate(struct node *n, struct span certificate)
{
    struct device_certificate c;
    int64_t known = 0;
    enum status st = device_certificate_decode(&c, certificate);
    if (st == ST_OK)
        st = device_certificate_verify(&c);
    if (st == ST_OK)
        st = sql_number(&n->sql, &known, 0, "SELECT count(*) FROM certificate WHERE device = ?", "b",
                        SPAN_ID(&c.device));
    return st == ST_OK && known == 0 ? family_keep_certificate(n, certificate) : st;
}

static enum status keep_entry(struct node *n, void *arg)
{
    struct taking *t = arg;
    return journal_take_passed_on(n, t->kind, &t->range.scope, t->item, &t->via);
}

/* Of conversations and of the family only: a scope that is another kind's here gets nothing by this door. */
static enum status judge_scope(struct node *n, struct taking *t)
{
    struct scope_id family;
    int64_t others = 0;
    enum status st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &family);
    if (st != ST_OK)
        return st;
    t->kind = ID_EQUAL(&family, &t->range.scope) ? SCOPE_FAMILY : SCOPE_CONVERSATION;
    st = sql_number(&n->sql, &others, 0, "SELECT count(*) FROM mls_group WHERE scope = ? AND kind != ?", "bi",
                    SPAN_ID(&t->range.scope), (int64_t)t->kind);
    return st == ST_OK && others != 0 ? ST_HISTORY_PART : st;
}

static enum status take_entries(struct node *n, struct taking *t, const struct history_unpacked *u)
{
    struct span rest = u->certificates, item;
    enum status st = judge_scope(n, t);
    while (st == ST_OK && wire_list_next(&rest, &item)) {
        st = keep_certificate(n, item);
        st = status_is_fatal(st) ? st : ST_OK; /* then its author's entries do not count */
    }
    rest = u->entries;
    while (st == ST_OK && wire_list_next(&rest, &t->item)) {
        enum status why;
        st = node_guard(n, keep_entry, t, &why);
        if (st == ST_OK && why != ST_OK)
            st = node_skipped(n);
        t->kept += why == ST_OK ? 1 : 0;
    }
    return st;
}

/* ---- when all parts are here ---- */

static const char *got_key(int64_t offer, const char *what, char *out, size_t cap)
{
    snprintf(out, cap, "history_%s:%lld", what, (long long)offer);
    return out;
}

static enum status count_part(struct node *n, const struct log_row *log, const struct taking *t)
{
    char parts[48], entries[48], text[32];
    int64_t got = 0, kept = 0;
    enum status st = meta_add(n, got_key(log->owner, "parts", parts, sizeof(parts)), 1);
    if (st == ST_OK)
        st = meta_add(n, got_key(log->owner, "entries", entries, sizeof(entries)), t->kept);
    if (st == ST_OK)
        st = meta_number(n, parts, 0, &got);
    if (st == ST_OK)
        st = meta_number(n, entries, 0, &kept);
    if (st != ST_OK || got < (int64_t)t->part_count)
        return st;
    snprintf(text, sizeof(text), "%lld", (long long)kept);
    st = logs_listen(n, log->id, false);
    return st == ST_OK ? node_notice(n, NOTICE_HISTORY, NULL, text, NULL) : st;
}

/* The relay may double a part. */
static enum status is_new(struct node *n, int64_t offer, size_t index, bool *fresh)
{
    char key[64];
    int64_t seen = 0;
    snprintf(key, sizeof(key), "history_part:%lld:%zu", (long long)offer, index);
    enum status st = meta_number(n, key, 0, &seen);
    *fresh = seen == 0;
    return st == ST_OK && *fresh ? meta_set_number(n, key, 1) : st;
}

enum status history_record(struct node *n, const struct log_row *log, struct span message)
{
    struct history_part part;
    struct history_unpacked u;
    struct taking t;
    bool fresh = false;
    memset(&t, 0, sizeof(t));
    memset(&u, 0, sizeof(u));
    enum status st = history_part_decode(&part, message);
    if (st == ST_OK)
        st = find_range(n, log->owner, &part, &t);
    if (st == ST_OK)
        st = is_new(n, log->owner, t.index, &fresh);
    if (st != ST_OK || !fresh)
        return st;
    st = history_unpack(&t.range, part.packed, &u);
    if (st == ST_OK)
        st = take_entries(n, &t, &u);
    history_unpacked_free(&u);
    return st == ST_OK ? count_part(n, log, &t) : st;
}
