/* SPDX-License-Identifier: Apache-2.0 */
/* What a member sends within an epoch: application data and proposals. */
#include "protocol/mls/group_internal.h"

enum status group_sign_content(const struct mls_group *g, const struct sign_private *key,
                               struct authenticated_content *a, uint8_t signature[static SIGNATURE_LEN])
{
    struct framed_content *c = &a->content;
    c->group_id = g->now->context.group_id;
    c->epoch = g->now->context.epoch;
    c->sender = (struct sender){SENDER_MEMBER, group_own_leaf(g)};
    enum status s = content_sign(a, buffer_span(&g->now->context_bytes), key, signature);
    a->auth.signature = SPAN_OF(signature, SIGNATURE_LEN);
    return s;
}

enum status group_frame(struct mls_group *g, const struct authenticated_content *a, size_t padding,
                        struct entropy *e, struct buffer *out)
{
    struct epoch *now = g->now;
    struct writer w;
    size_t start = out->len;
    writer_init(&w, out);
    message_write_header(&w, a->wire_format);
    enum status s = writer_done(&w);
    if (s == ST_OK && a->wire_format == WIRE_PUBLIC_MESSAGE) {
        s = public_message_seal(a, &now->secrets.membership_key, buffer_span(&now->context_bytes), out);
    } else if (s == ST_OK) {
        const struct private_message_keys keys = {now->messages, &now->secrets.sender_data};
        g->changed = true; /* whatever becomes of it: the ratchet may have moved */
        s = private_message_seal(a, &keys, padding, e, out);
    }
    if (s != ST_OK) {
        out->len = start;
    }
    return s;
}

/* ---- application data ---- */

enum status mls_group_protect(struct mls_group *g, const struct mls_protect_args *a, struct entropy *e,
                              struct buffer *message)
{
    uint8_t signature[SIGNATURE_LEN];
    struct authenticated_content content = {.wire_format = WIRE_PRIVATE_MESSAGE};
    content.content.authenticated_data = a->authenticated_data;
    content.content.type = CONTENT_APPLICATION;
    content.content.body = a->plaintext;
    enum status s = group_check_key(g, a->key);
    if (s == ST_OK && g->pending_count > 0) {
        s = ST_MLS_PROPOSALS_WAIT; /* RFC 9420 §12.4: MUST commit before sending application data */
    }
    if (s == ST_OK && (a->plaintext.len > MLS_PLAINTEXT_MAX - 1024 || a->padding > MLS_PLAINTEXT_MAX ||
                       a->authenticated_data.len > MLS_AUTHENTICATED_MAX)) {
        s = ST_WIRE_LIMIT;
    }
    if (s == ST_OK) {
        s = group_sign_content(g, a->key, &content, signature);
    }
    return s == ST_OK ? group_frame(g, &content, a->padding, e, message) : s;
}

/* ---- proposals ---- */

struct proposing { /* what the proposal borrows from */
    struct buffer leaf, extensions, body;
    struct message package;
    struct dh_private key;
    bool has_key;
    uint8_t nonce[SECRET_LEN];
};

static void proposing_wipe(struct proposing *p)
{
    buffer_wipe(&p->leaf);
    buffer_wipe(&p->extensions);
    buffer_wipe(&p->body);
    dh_private_wipe(&p->key);
}

/* Our own leaf with a new key, and maybe a new identity, signed for our place. */
static enum status make_update(const struct mls_group *g, const struct mls_propose_args *a, struct entropy *e,
                               struct proposing *p, struct proposal *out)
{
    struct secret seed;
    struct dh_public public;
    struct leaf_node n = *ratchet_tree_leaf(&g->now->tree, group_own_leaf(g));
    const struct leaf_place place = {g->now->context.group_id, group_own_leaf(g)};
    entropy_fill(e, seed.b, sizeof(seed.b));
    enum status s = dh_derive(SPAN_ID(&seed), &p->key, &public);
    secret_wipe(&seed);
    if (s != ST_OK) {
        return s;
    }
    n.encryption_key = SPAN_ID(&public);
    n.source = LEAF_UPDATE;
    if (a->identity.len > 0) {
        n.credential = (struct credential){CREDENTIAL_BASIC, a->identity};
    }
    s = leaf_node_sign(&n, &place, a->key, &p->leaf);
    p->has_key = true;
    return s == ST_OK ? leaf_node_decode(&out->u.update, buffer_span(&p->leaf)) : s;
}

static enum status make_add(const struct mls_propose_args *a, struct proposing *p, struct proposal *out)
{
    enum status s = message_decode(&p->package, a->key_package);
    if (s == ST_OK && p->package.format != WIRE_KEY_PACKAGE) {
        s = ST_MLS_KEY_PACKAGE;
    }
    out->u.add = p->package.u.key_package;
    /* RFC 9420 §7.3: whoever sends a leaf MUST look at its lifetime; whose clock counts is the caller's to
     * say */
    if (s == ST_OK && a->now_ms != 0) {
        s = key_package_check_lifetime(&out->u.add, a->now_ms);
    }
    return s;
}

static enum status make_extensions(const struct mls_propose_args *a, struct proposing *p,
                                   struct proposal *out)
{
    enum status s = group_encode_extensions(&a->extensions, &p->extensions);
    out->u.extensions.list = buffer_span(&p->extensions);
    return s;
}

static enum status make_proposal(const struct mls_group *g, const struct mls_propose_args *a,
                                 struct entropy *e, struct proposing *p, struct proposal *out)
{
    *out = (struct proposal){0};
    switch (a->kind) {
    case MLS_PROPOSE_ADD:
        out->type = PROPOSAL_ADD;
        return make_add(a, p, out);
    case MLS_PROPOSE_UPDATE:
        out->type = PROPOSAL_UPDATE;
        return make_update(g, a, e, p, out);
    case MLS_PROPOSE_REMOVE:
        out->type = PROPOSAL_REMOVE;
        out->u.remove = a->leaf;
        return ST_OK;
    case MLS_PROPOSE_PSK:
        out->type = PROPOSAL_PSK;
        entropy_fill(e, p->nonce, sizeof(p->nonce));
        out->u.psk = (struct psk_id){.type = PSK_EXTERNAL, .external_id = a->psk_id, .nonce = SPAN(p->nonce)};
        return ST_OK;
    case MLS_PROPOSE_EXTENSIONS:
        out->type = PROPOSAL_EXTENSIONS;
        return make_extensions(a, p, out);
    }
    return ST_USAGE;
}

static enum status send_proposal(struct mls_group *g, const struct mls_propose_args *a, struct entropy *e,
                                 const struct proposing *p, struct buffer *message)
{
    uint8_t signature[SIGNATURE_LEN];
    size_t start = message->len;
    struct authenticated_content c = {.wire_format =
                                          a->public_message ? WIRE_PUBLIC_MESSAGE : WIRE_PRIVATE_MESSAGE};
    c.content.authenticated_data = a->authenticated_data;
    c.content.type = CONTENT_PROPOSAL;
    c.content.body = buffer_span(&p->body);
    enum status s = group_sign_content(g, a->key, &c, signature);
    if (s == ST_OK) {
        s = group_frame(g, &c, 0, e, message);
    }
    if (s == ST_OK) {
        s = group_add_pending(g, &c, p->has_key ? &p->key : NULL);
        message->len = s == ST_OK ? message->len : start;
    }
    return s;
}

enum status mls_group_propose(struct mls_group *g, const struct mls_propose_args *a, struct entropy *e,
                              struct buffer *message)
{
    struct proposing p = {0};
    struct proposal proposal;
    struct writer w;
    buffer_init(&p.leaf, MLS_LEAF_MAX);
    buffer_init(&p.extensions, MLS_EXTENSIONS_MAX);
    buffer_init(&p.body, MLS_MESSAGE_MAX);
    enum status s = group_check_key(g, a->key);
    if (s == ST_OK && g->pending_count == MLS_PENDING_MAX) {
        s = ST_MLS_PENDING;
    }
    if (s == ST_OK) {
        s = make_proposal(g, a, e, &p, &proposal);
    }
    if (s == ST_OK) {
        const struct proposal_rules rules = {&g->now->tree, g->now->context.group_id};
        s = proposal_check(&proposal, group_own_leaf(g), &rules);
    }
    if (s == ST_OK) {
        writer_init(&w, &p.body);
        proposal_write(&w, &proposal);
        s = writer_done(&w);
    }
    if (s == ST_OK) {
        s = send_proposal(g, a, e, &p, message);
    }
    proposing_wipe(&p);
    return s;
}
