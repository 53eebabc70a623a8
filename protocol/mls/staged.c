/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/staged.h"

#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/proposal_apply.h"
#include "protocol/mls/transcript.h"
#include "protocol/mls/tree_hash.h"

enum {
    CONTEXT_MAX = MLS_EXTENSIONS_MAX + 1024,
    PSK_IDS_MAX = MLS_PSKS_MAX * (MLS_PSK_ID_MAX + MLS_GROUP_ID_MAX + MLS_NONCE_MAX + 32)
};

enum status staged_new(struct mls_staged **out, const struct mls_group *g, uint32_t committer)
{
    struct mls_staged *s = mem_alloc(1, sizeof(*s));
    *out = NULL;
    if (s == NULL) {
        return ST_NO_MEMORY;
    }
    if (g->now->context.epoch == UINT64_MAX) { /* only a hostile Welcome can have begun there */
        mem_free(s, sizeof(*s));
        return ST_MLS_EPOCH_LAST;
    }
    proposal_list_init(&s->list);
    buffer_init(&s->commit_bytes, MLS_MESSAGE_MAX);
    buffer_init(&s->provisional, CONTEXT_MAX);
    ratchet_tree_init(&s->before);
    s->committer = committer;
    s->base_epoch = g->now->context.epoch;
    s->own = committer == group_own_leaf(g);
    s->extensions = g->now->context.extensions;
    enum status st = epoch_new(&s->next);
    if (st == ST_OK) {
        st = ratchet_tree_copy(&s->before, &g->now->tree);
    }
    if (st != ST_OK) {
        mls_staged_free(s);
        return st;
    }
    *out = s;
    return ST_OK;
}

void mls_staged_free(struct mls_staged *s)
{
    if (s == NULL) {
        return;
    }
    epoch_free(s->next);
    past_epoch_free(s->past);
    ratchet_tree_wipe(&s->before);
    mem_free(s->changes, s->change_count * sizeof(*s->changes));
    mem_free(s->added, s->added_count * sizeof(*s->added));
    proposal_list_wipe(&s->list);
    buffer_wipe(&s->commit_bytes);
    buffer_wipe(&s->provisional);
    mem_free(s, sizeof(*s));
}

/* ---- the public part ---- */

static enum status note_added(struct mls_staged *s)
{
    size_t count = 0;
    for (size_t i = 0; i < s->list.count; i++) {
        count += s->list.items[i].proposal.type == PROPOSAL_ADD;
    }
    if (count == 0) {
        return ST_OK;
    }
    s->added = mem_alloc(count, sizeof(*s->added));
    if (s->added == NULL) {
        return ST_NO_MEMORY;
    }
    for (size_t i = 0; i < s->list.count; i++) {
        if (s->list.items[i].proposal.type == PROPOSAL_ADD) {
            s->added[s->added_count++] = s->list.items[i].leaf;
        }
    }
    return ST_OK;
}

enum status staged_apply(struct mls_staged *s, const struct mls_group *g)
{
    const struct epoch *now = g->now;
    const struct proposal_rules rules = {&now->tree, now->context.group_id};
    enum status st = proposal_list_check(&s->list, s->committer, &rules);
    if (st == ST_OK) {
        st = ratchet_tree_copy(&s->next->tree, &now->tree);
    }
    if (st == ST_OK) {
        st = proposal_apply(&s->list, now->context.group_id, &s->next->tree, &s->extensions);
    }
    if (st == ST_OK) {
        st = note_added(s);
    }
    for (size_t i = 0; i < s->list.count; i++) {
        const struct proposal *p = &s->list.items[i].proposal;
        s->removes_us |= p->type == PROPOSAL_REMOVE && p->u.remove == group_own_leaf(g);
    }
    return st;
}

enum status staged_encode_context(const struct mls_staged *s, const struct mls_group *g,
                                  struct span confirmed, struct buffer *out)
{
    uint8_t tree_hash[HASH_LEN];
    struct writer w;
    struct group_context c = g->now->context;
    tree_hash_root(&s->next->tree, tree_hash);
    c.epoch = s->base_epoch + 1;
    c.tree_hash = SPAN(tree_hash);
    c.confirmed_transcript_hash = confirmed;
    c.extensions = s->extensions;
    out->len = 0;
    writer_init(&w, out);
    group_context_write(&w, &c);
    return writer_done(&w);
}

enum status staged_set_provisional(struct mls_staged *s, const struct mls_group *g)
{
    /* RFC 9420 §12.4.1: with the confirmed transcript hash of before this commit */
    return staged_encode_context(s, g, g->now->context.confirmed_transcript_hash, &s->provisional);
}

/* RFC 9420 §8.2 */
static enum status confirmed_hash(const struct mls_staged *s, const struct mls_group *g,
                                  uint8_t out[static HASH_LEN])
{
    struct buffer input;
    struct writer w;
    buffer_init(&input, MLS_MESSAGE_MAX);
    writer_init(&w, &input);
    writer_u16(&w, (uint16_t)s->commit.wire_format);
    framed_content_write(&w, &s->commit.content);
    writer_vec(&w, s->commit.auth.signature);
    enum status st = writer_done(&w);
    if (st == ST_OK) {
        transcript_confirmed(SPAN(g->now->interim), buffer_span(&input), out);
    }
    buffer_wipe(&input);
    return st;
}

enum status staged_set_context(struct mls_staged *s, const struct mls_group *g)
{
    uint8_t confirmed[HASH_LEN];
    struct epoch *next = s->next;
    enum status st = confirmed_hash(s, g, confirmed);
    if (st == ST_OK) {
        st = staged_encode_context(s, g, SPAN(confirmed), &next->context_bytes);
    }
    return st == ST_OK ? group_context_decode(&next->context, buffer_span(&next->context_bytes)) : st;
}

/* ---- the private part ---- */

enum status staged_derive(struct mls_staged *s, const struct mls_group *g, const struct secret *commit_secret,
                          const struct secret *psk_secret, struct secret *joiner)
{
    enum status st = key_schedule_joiner(&g->now->secrets.init, commit_secret,
                                         buffer_span(&s->next->context_bytes), joiner);
    if (st == ST_OK) {
        st = epoch_derive(s->next, joiner, psk_secret);
    }
    return st;
}

enum status staged_psk_ids(const struct mls_staged *s, struct buffer *out)
{
    struct writer w;
    buffer_init(out, PSK_IDS_MAX);
    writer_init(&w, out);
    for (size_t i = 0; i < s->list.count; i++) {
        if (s->list.items[i].proposal.type == PROPOSAL_PSK) {
            psk_id_write(&w, &s->list.items[i].proposal.u.psk);
        }
    }
    return writer_done(&w);
}

/* ---- what changes ---- */

static void set_old(struct mls_change *c, const struct leaf_node *old)
{
    if (old != NULL) {
        c->leaf_old = old->encoded;
        c->identity_old = old->credential.type == CREDENTIAL_BASIC ? old->credential.identity : SPAN_EMPTY;
    }
}

static void set_new(struct mls_change *c, const struct leaf_node *n)
{
    c->leaf_new = n->encoded;
    c->identity_new = n->credential.type == CREDENTIAL_BASIC ? n->credential.identity : SPAN_EMPTY;
}

static void describe_one(const struct mls_staged *s, const struct listed_proposal *p, struct mls_change *c)
{
    c->proposer = p->sender;
    switch (p->proposal.type) {
    case PROPOSAL_ADD:
        c->kind = MLS_CHANGE_ADD;
        c->leaf = p->leaf;
        c->key_package = p->proposal.u.add.encoded;
        set_new(c, &p->proposal.u.add.leaf);
        break;
    case PROPOSAL_UPDATE:
        c->kind = MLS_CHANGE_UPDATE;
        c->leaf = p->sender;
        set_old(c, ratchet_tree_leaf(&s->before, p->sender));
        set_new(c, &p->proposal.u.update);
        break;
    case PROPOSAL_REMOVE:
        c->kind = MLS_CHANGE_REMOVE;
        c->leaf = p->proposal.u.remove;
        set_old(c, ratchet_tree_leaf(&s->before, c->leaf));
        break;
    case PROPOSAL_PSK:
        c->kind = MLS_CHANGE_PSK;
        c->psk_id = p->proposal.u.psk.external_id;
        break;
    case PROPOSAL_EXTENSIONS:
        c->kind = MLS_CHANGE_EXTENSIONS;
        break;
    case PROPOSAL_REINIT:
    case PROPOSAL_EXTERNAL_INIT:
        break; /* never in a list that was judged legal */
    }
}

enum status staged_describe(struct mls_staged *s)
{
    bool has_path = s->commit.content.u.commit.has_path;
    size_t count = s->list.count + has_path;
    if (count == 0) {
        return ST_OK;
    }
    s->changes = mem_alloc(count, sizeof(*s->changes));
    if (s->changes == NULL) {
        return ST_NO_MEMORY;
    }
    s->change_count = count;
    for (size_t i = 0; i < s->list.count; i++) {
        describe_one(s, &s->list.items[i], &s->changes[i]);
    }
    if (has_path) {
        struct mls_change *c = &s->changes[count - 1];
        c->kind = MLS_CHANGE_UPDATE;
        c->proposer = s->committer;
        c->leaf = s->committer;
        set_old(c, ratchet_tree_leaf(&s->before, s->committer));
        set_new(c, ratchet_tree_leaf(&s->next->tree, s->committer));
    }
    return ST_OK;
}

/* ---- accessors ---- */

size_t mls_staged_changes(const struct mls_staged *s, const struct mls_change **changes)
{
    *changes = s->changes;
    return s->change_count;
}

uint32_t mls_staged_committer(const struct mls_staged *s)
{
    return s->committer;
}

uint64_t mls_staged_epoch(const struct mls_staged *s)
{
    return s->next->context.epoch;
}

struct span mls_staged_authenticated_data(const struct mls_staged *s)
{
    return s->commit.content.authenticated_data;
}

bool mls_staged_extension(const struct mls_staged *s, uint16_t type, struct span *data)
{
    return extensions_find(&s->next->context.extensions, type, data);
}

bool mls_staged_has_path(const struct mls_staged *s)
{
    return s->commit.content.u.commit.has_path;
}

bool mls_staged_is_own(const struct mls_staged *s)
{
    return s->own;
}

bool mls_staged_removes_us(const struct mls_staged *s)
{
    return s->removes_us;
}

void mls_staged_message_hash(const struct mls_staged *s, uint8_t out[static HASH_LEN])
{
    memcpy(out, s->message_hash, HASH_LEN);
}

enum status mls_staged_tree(const struct mls_staged *s, struct buffer *out)
{
    struct writer w;
    writer_init(&w, out);
    ratchet_tree_write(&w, &s->next->tree);
    return writer_done(&w);
}

enum status mls_staged_export(const struct mls_staged *s, const char *label, struct span context,
                              uint8_t *out, size_t out_len)
{
    memset(out, 0, out_len);
    if (!s->open || s->removes_us) {
        return ST_MLS_STAGED;
    }
    return key_schedule_export(&s->next->secrets.exporter, span_text(label), context, out, out_len);
}

enum status mls_staged_authenticator(const struct mls_staged *s, uint8_t out[static HASH_LEN])
{
    memset(out, 0, HASH_LEN);
    if (!s->open || s->removes_us) {
        return ST_MLS_STAGED;
    }
    memcpy(out, s->next->secrets.authenticator.b, HASH_LEN);
    return ST_OK;
}
