/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/staged.h"

/* ---- life ---- */

enum status group_new(struct mls_group **out, struct epoch *first)
{
    struct mls_group *g = mem_alloc(1, sizeof(*g));
    *out = g;
    if (g == NULL) {
        epoch_free(first);
        return ST_NO_MEMORY;
    }
    g->now = first;
    g->changed = true;
    return ST_OK;
}

static void free_past(struct past_epoch *p)
{
    while (p != NULL) {
        struct past_epoch *next = p->next;
        past_epoch_free(p);
        p = next;
    }
}

void group_drop_pending(struct mls_group *g)
{
    for (uint32_t i = 0; i < g->pending_count; i++) {
        struct pending_proposal *p = g->pending[i];
        buffer_wipe(&p->bytes);
        mem_free(p, sizeof(*p));
        g->pending[i] = NULL;
    }
    g->pending_count = 0;
    g->stored.pending_stale = g->stored.pending_count > 0;
}

void mls_group_free(struct mls_group *g)
{
    if (g == NULL) {
        return;
    }
    group_drop_pending(g);
    free_past(g->past);
    free_past(g->dropped);
    epoch_free(g->now);
    ratchet_tree_wipe(&g->stored.tree);
    treekem_keys_wipe(&g->stored.keys);
    mem_free(g, sizeof(*g));
}

/* ---- past epochs ---- */

struct past_epoch *group_past(const struct mls_group *g, uint64_t epoch)
{
    for (struct past_epoch *p = g->past; p != NULL; p = p->next) {
        if (p->epoch == epoch) {
            return p;
        }
    }
    return NULL;
}

/* Its records, if it has any, go with the next save; its secrets go now or then. */
static void drop_past(struct mls_group *g, struct past_epoch *p)
{
    bool has_records = p->stored || (g->stored.any && p->epoch == g->stored.epoch);
    secret_wipe(&p->sender_data);
    secret_wipe(&p->resumption_psk);
    g->changed = true;
    if (has_records) {
        p->next = g->dropped;
        g->dropped = p;
    } else {
        past_epoch_free(p);
    }
}

static void drop_all_past(struct mls_group *g, struct past_epoch **from)
{
    struct past_epoch *p = *from;
    *from = NULL;
    while (p != NULL) {
        struct past_epoch *next = p->next;
        drop_past(g, p);
        p = next;
    }
}

void group_trim_past(struct mls_group *g, size_t keep)
{
    struct past_epoch **at = &g->past;
    for (size_t i = 0; i < keep && *at != NULL; i++) {
        at = &(*at)->next;
    }
    drop_all_past(g, at);
}

void mls_group_forget_before(struct mls_group *g, uint64_t epoch)
{
    struct past_epoch **at = &g->past;
    while (*at != NULL && (*at)->epoch >= epoch) {
        at = &(*at)->next;
    }
    drop_all_past(g, at);
}

/* ---- merge ---- */

static void end_membership(struct mls_group *g, struct mls_staged *s)
{
    /* Tree and context stay those of the last epoch that we were in; every secret goes. */
    uint32_t own = group_own_leaf(g);
    struct past_epoch *ended = s->past;
    s->past = NULL;
    ended->messages = g->now->messages;
    g->now->messages = NULL;
    drop_past(g, ended);
    group_trim_past(g, 0);
    epoch_secrets_wipe(&g->now->secrets);
    treekem_keys_wipe(&g->now->keys);
    g->now->keys.leaf = own;
    g->removed = true;
}

static void begin_epoch(struct mls_group *g, struct mls_staged *s)
{
    struct epoch *ended = g->now;
    struct past_epoch *p = s->past;
    p->messages = ended->messages;
    ended->messages = NULL;
    p->next = g->past;
    g->past = p;
    s->past = NULL;
    g->now = s->next;
    s->next = NULL;
    epoch_forget_encryption(g->now);
    epoch_free(ended);
    group_trim_past(g, MLS_EPOCHS_KEPT);
}

void mls_group_merge(struct mls_group *g, struct mls_staged *s)
{
    invariant(s->open && !g->removed && s->base_epoch == g->now->context.epoch);
    if (s->removes_us) {
        end_membership(g, s);
    } else {
        begin_epoch(g, s);
    }
    group_drop_pending(g);
    g->changed = true;
    mls_staged_free(s);
}

/* ---- pending proposals ---- */

static bool is_pending(const struct mls_group *g, const uint8_t ref[static HASH_LEN])
{
    for (uint32_t i = 0; i < g->pending_count; i++) {
        if (memcmp(g->pending[i]->ref, ref, HASH_LEN) == 0) {
            return true;
        }
    }
    return false;
}

static enum status pending_fill(struct pending_proposal *p, const struct authenticated_content *a)
{
    struct writer w;
    struct authenticated_content view;
    buffer_init(&p->bytes, MLS_MESSAGE_MAX);
    writer_init(&w, &p->bytes);
    authenticated_content_write(&w, a);
    enum status s = writer_done(&w);
    if (s == ST_OK) {
        s = authenticated_content_decode(&view, buffer_span(&p->bytes));
    }
    if (s == ST_OK) {
        p->proposal = view.content.u.proposal;
        p->sender = view.content.sender.index;
    }
    return s;
}

enum status group_add_pending(struct mls_group *g, const struct authenticated_content *a,
                              const struct dh_private *key)
{
    uint8_t ref[HASH_LEN];
    enum status s = proposal_ref(a, ref);
    if (s != ST_OK || is_pending(g, ref)) {
        return s;
    }
    if (g->pending_count == MLS_PENDING_MAX) {
        return ST_MLS_PENDING;
    }
    struct pending_proposal *p = mem_alloc(1, sizeof(*p));
    if (p == NULL) {
        return ST_NO_MEMORY;
    }
    s = pending_fill(p, a);
    if (s != ST_OK) {
        buffer_wipe(&p->bytes);
        mem_free(p, sizeof(*p));
        return s;
    }
    memcpy(p->ref, ref, HASH_LEN);
    if (key != NULL) {
        p->has_key = true;
        p->key = *key;
    }
    g->pending[g->pending_count++] = p;
    g->changed = true;
    return ST_OK;
}

void mls_group_drop_pending(struct mls_group *g)
{
    g->changed |= g->pending_count > 0;
    group_drop_pending(g);
}

size_t mls_group_pending_count(const struct mls_group *g)
{
    return g->pending_count;
}

/* ---- accessors ---- */

uint32_t group_own_leaf(const struct mls_group *g)
{
    return g->now->keys.leaf;
}

enum status group_check_key(const struct mls_group *g, const struct sign_private *key)
{
    if (g->removed) {
        return ST_MLS_REMOVED;
    }
    const struct leaf_node *own = ratchet_tree_leaf(&g->now->tree, group_own_leaf(g));
    struct span public_key = SPAN_OF(key->b + SIGN_SEED_LEN, SIGN_PUBLIC_LEN);
    return own != NULL && span_equal(own->signature_key, public_key) ? ST_OK : ST_MLS_KEY_MISMATCH;
}

uint64_t mls_group_epoch(const struct mls_group *g)
{
    return g->now->context.epoch;
}

struct span mls_group_id(const struct mls_group *g)
{
    return g->now->context.group_id;
}

uint32_t mls_group_own_leaf(const struct mls_group *g)
{
    return group_own_leaf(g);
}

bool mls_group_is_member(const struct mls_group *g)
{
    return !g->removed;
}

static bool next_member(const struct ratchet_tree *t, uint32_t *leaf, struct mls_member *out)
{
    for (uint32_t i = *leaf; i < t->leaf_count; i++) {
        const struct leaf_node *n = ratchet_tree_leaf(t, i);
        if (n != NULL) {
            bool basic = n->credential.type == CREDENTIAL_BASIC;
            *out = (struct mls_member){.leaf = i,
                                       .identity = basic ? n->credential.identity : SPAN_EMPTY,
                                       .key = n->signature_key,
                                       .leaf_node = n->encoded};
            *leaf = i + 1;
            return true;
        }
    }
    *out = (struct mls_member){0};
    return false;
}

bool mls_group_next_member(const struct mls_group *g, uint32_t *leaf, struct mls_member *out)
{
    return next_member(&g->now->tree, leaf, out);
}

bool mls_staged_next_member(const struct mls_staged *s, uint32_t *leaf, struct mls_member *out)
{
    return next_member(&s->next->tree, leaf, out);
}

size_t mls_group_member_count(const struct mls_group *g)
{
    return ratchet_tree_member_count(&g->now->tree);
}

bool mls_group_extension(const struct mls_group *g, uint16_t type, struct span *data)
{
    return extensions_find(&g->now->context.extensions, type, data);
}

struct span mls_group_context(const struct mls_group *g)
{
    return buffer_span(&g->now->context_bytes);
}

void mls_group_tree_hash(const struct mls_group *g, uint8_t out[static HASH_LEN])
{
    memcpy(out, g->now->context.tree_hash.ptr, HASH_LEN);
}

enum status mls_group_tree(const struct mls_group *g, struct buffer *out)
{
    struct writer w;
    writer_init(&w, out);
    ratchet_tree_write(&w, &g->now->tree);
    return writer_done(&w);
}

void mls_group_authenticator(const struct mls_group *g, uint8_t out[static HASH_LEN])
{
    memcpy(out, g->now->secrets.authenticator.b, HASH_LEN);
}

enum status mls_group_export(const struct mls_group *g, const char *label, struct span context, uint8_t *out,
                             size_t out_len)
{
    memset(out, 0, out_len);
    if (g->removed) {
        return ST_MLS_REMOVED;
    }
    return key_schedule_export(&g->now->secrets.exporter, span_text(label), context, out, out_len);
}

bool mls_group_changed(const struct mls_group *g)
{
    return g->changed;
}
