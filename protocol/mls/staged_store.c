/* SPDX-License-Identifier: Apache-2.0 */
/* The own commit that waits to be read back, as one record: a restart must neither lose it nor make another.
 */
#include <string.h>

#include "protocol/mls/record_key.h"
#include "protocol/mls/staged.h"
#include "protocol/mls/transcript.h"

enum {
    STORE_VERSION = 1,
    VALUE_MAX = MLS_TREE_MAX + 2 * MLS_MESSAGE_MAX + MLS_EXTENSIONS_MAX,
    CONTEXT_MAX = MLS_EXTENSIONS_MAX + 1024
};

/* ---- save ---- */

static void write_list(struct writer *w, const struct proposal_list *l)
{
    size_t list = writer_open(w);
    for (size_t i = 0; i < l->count; i++) {
        writer_u32(w, l->items[i].sender);
        writer_u32(w, l->items[i].leaf);
        writer_vec(w, l->items[i].ref);
        proposal_write(w, &l->items[i].proposal);
    }
    writer_close(w, list);
}

static void write_keys(struct writer *w, const struct treekem_keys *k)
{
    writer_u32(w, k->present);
    for (size_t level = 0; level <= MLS_DEPTH_MAX; level++) {
        if (k->present >> level & 1) {
            writer_bytes(w, SPAN_ID(&k->at[level]));
        }
    }
}

enum status mls_staged_save(const struct mls_staged *s, struct record_sink *to)
{
    const struct record_key key = record_key_of(RECORD_STAGED);
    struct buffer value;
    struct writer w;
    if (!s->open || !s->own) {
        return ST_MLS_STAGED;
    }
    buffer_init(&value, VALUE_MAX);
    writer_init(&w, &value);
    writer_u8(&w, STORE_VERSION);
    writer_u64(&w, s->base_epoch);
    writer_bytes(&w, SPAN(s->message_hash));
    writer_vec(&w, buffer_span(&s->commit_bytes));
    writer_vec(&w, buffer_span(&s->next->context_bytes));
    epoch_secrets_write(&w, &s->next->secrets);
    write_keys(&w, &s->next->keys);
    write_list(&w, &s->list);
    size_t tree = writer_open(&w);
    ratchet_tree_write(&w, &s->next->tree);
    writer_close(&w, tree);
    enum status st = writer_done(&w);
    if (st == ST_OK) {
        st = to->put(to->ctx, record_key_span(&key), buffer_span(&value));
    }
    buffer_wipe(&value);
    return st;
}

enum status mls_staged_drop(struct record_sink *to)
{
    const struct record_key key = record_key_of(RECORD_STAGED);
    return to->remove(to->ctx, record_key_span(&key));
}

/* ---- load ---- */

static enum status read_list(struct reader *r, struct mls_staged *s)
{
    struct reader list = reader_enter(r, VALUE_MAX);
    enum status st = ST_OK;
    while (st == ST_OK && reader_more(&list)) {
        struct listed_proposal p = {.checked = true};
        p.sender = reader_u32(&list);
        p.leaf = reader_u32(&list);
        p.ref = reader_vec(&list, MLS_HASH_MAX);
        proposal_read(&list, &p.proposal);
        st = list.failed == ST_OK ? proposal_list_push(&s->list, &p) : list.failed;
    }
    reader_leave(r, &list);
    return st == ST_OK ? proposal_list_own(&s->list) : st;
}

static void read_keys(struct reader *r, struct treekem_keys *k)
{
    uint32_t present = reader_u32(r);
    for (uint32_t level = 0; level <= MLS_DEPTH_MAX; level++) {
        struct dh_private key;
        if (present >> level & 1) {
            reader_fixed(r, key.b, sizeof(key.b));
            treekem_keys_set(k, level, &key);
            dh_private_wipe(&key);
        }
    }
}

/* Everything but the commit follows from what was read. */
static enum status rebuild(struct mls_staged *s, const struct mls_group *g, struct span tree)
{
    struct epoch *next = s->next;
    struct secret encryption = next->secrets.encryption;
    enum status st = ratchet_tree_decode(&next->tree, tree);
    if (st == ST_OK) {
        st = group_context_decode(&next->context, buffer_span(&next->context_bytes));
    }
    if (st == ST_OK) {
        st = authenticated_content_decode(&s->commit, buffer_span(&s->commit_bytes));
    }
    if (st == ST_OK) {
        struct span confirmed = next->context.confirmed_transcript_hash;
        confirmation_tag_compute(&next->secrets.confirmation_key, confirmed, next->confirmation_tag);
        transcript_interim(confirmed, next->confirmation_tag, next->interim);
        st = secret_tree_new(&next->messages, next->tree.leaf_count, &encryption);
    }
    secret_wipe(&encryption);
    if (st == ST_OK) {
        st = past_epoch_new(&s->past, g->now);
    }
    return st == ST_OK ? staged_describe(s) : st;
}

static enum status read_staged(struct mls_staged *s, const struct mls_group *g, struct span value)
{
    struct reader r;
    reader_init(&r, value);
    uint8_t version = reader_u8(&r);
    uint64_t base = reader_u64(&r);
    reader_fixed(&r, s->message_hash, HASH_LEN);
    struct span commit = reader_vec(&r, MLS_MESSAGE_MAX);
    struct span context = reader_vec(&r, CONTEXT_MAX);
    epoch_secrets_read(&r, &s->next->secrets);
    s->next->keys.leaf = s->committer;
    read_keys(&r, &s->next->keys);
    enum status st = read_list(&r, s);
    struct span tree = reader_vec(&r, MLS_TREE_MAX);
    if (st == ST_OK) {
        st = reader_done(&r);
    }
    if (st == ST_OK && (version != STORE_VERSION || base != s->base_epoch)) {
        st = ST_MLS_RECORD;
    }
    if (st == ST_OK) {
        st = buffer_copy(&s->commit_bytes, commit);
    }
    if (st == ST_OK) {
        st = buffer_copy(&s->next->context_bytes, context);
    }
    return st == ST_OK ? rebuild(s, g, tree) : st;
}

static enum status load_value(struct mls_staged **out, const struct mls_group *g, struct span value)
{
    struct mls_staged *s;
    enum status st = staged_new(&s, g, group_own_leaf(g));
    if (st != ST_OK) {
        return st;
    }
    st = read_staged(s, g, value);
    if (st != ST_OK) {
        mls_staged_free(s);
        return status_class(st) == CLASS_PROTOCOL ? ST_MLS_RECORD : st;
    }
    s->open = true;
    *out = s;
    return ST_OK;
}

enum status mls_staged_load(struct mls_staged **out, const struct mls_group *g, struct record_source *from)
{
    struct span key, value;
    *out = NULL;
    enum status st = from->next(from->ctx, &key, &value);
    while (st == ST_OK && key.len > 0) {
        if (key.ptr[0] == RECORD_STAGED) {
            return load_value(out, g, value);
        }
        st = from->next(from->ctx, &key, &value);
    }
    return st;
}
