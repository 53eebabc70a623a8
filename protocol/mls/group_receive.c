/* SPDX-License-Identifier: Apache-2.0 */
/* What a member receives: messages of either framing, and commits up to the end of their public checks. */
#include <string.h>

#include "protocol/mls/staged.h"

struct opened { /* a message that is authentic: of a member, in an epoch that is kept */
    struct authenticated_content content; /* borrows from the message and from plain */
    struct buffer plain;
    struct span signer;
    struct secret_tree *tree; /* of a PrivateMessage: whose key it used, */
    struct message_key key;   /* and which */
};

/* ---- from the wire to authentic content ---- */

struct address { /* what both framings say first */
    struct span group_id;
    uint64_t epoch;
    bool late_allowed; /* application data of an epoch that has ended */
};

/* *past is NULL for the present epoch. */
static enum status find_epoch(const struct mls_group *g, const struct address *to, struct past_epoch **past)
{
    *past = NULL;
    if (!span_equal(to->group_id, g->now->context.group_id)) {
        return ST_MLS_GROUP_ID;
    }
    if (to->epoch == g->now->context.epoch) {
        return ST_OK;
    }
    if (to->epoch > g->now->context.epoch) {
        return ST_MLS_EPOCH_AHEAD;
    }
    *past = to->late_allowed ? group_past(g, to->epoch) : NULL;
    return *past != NULL ? ST_OK : ST_MLS_EPOCH_OLD;
}

static struct span signer_of(const struct mls_group *g, const struct past_epoch *past, uint32_t leaf)
{
    if (past != NULL) {
        return past_epoch_signer(past, leaf);
    }
    const struct leaf_node *n = ratchet_tree_leaf(&g->now->tree, leaf);
    return n == NULL ? SPAN_EMPTY : n->signature_key;
}

static enum status verify_signer(const struct mls_group *g, const struct past_epoch *past, struct opened *o)
{
    const struct buffer *context = past != NULL ? &past->context_bytes : &g->now->context_bytes;
    o->signer = signer_of(g, past, o->content.content.sender.index);
    if (o->signer.len != SIGN_PUBLIC_LEN) {
        return ST_MLS_NOT_A_MEMBER;
    }
    return content_verify(&o->content, buffer_span(context), o->signer);
}

static enum status open_public(struct mls_group *g, const struct public_message *m, struct opened *o)
{
    const struct framed_content *c = &m->signed_content.content;
    const struct address to = {c->group_id, c->epoch, false};
    struct past_epoch *none;
    enum status s = find_epoch(g, &to, &none);
    if (s == ST_OK) {
        s = public_message_check(m, &g->now->secrets.membership_key, buffer_span(&g->now->context_bytes));
    }
    if (s == ST_OK) {
        o->content = m->signed_content;
        s = verify_signer(g, NULL, o);
    }
    if (s == ST_OK && c->sender.index == group_own_leaf(g)) {
        s = ST_MLS_OWN_MESSAGE;
    }
    return s;
}

/* Our own messages are sealed with keys that we have spent: tell them from repetitions of others'. */
static enum status if_own(const struct mls_group *g, const struct private_message *m,
                          const struct private_message_keys *keys, enum status otherwise)
{
    uint32_t leaf;
    bool own =
        private_message_sender(m, keys->sender_data, &leaf, NULL) == ST_OK && leaf == group_own_leaf(g);
    return own ? ST_MLS_OWN_MESSAGE : otherwise;
}

static enum status open_private(struct mls_group *g, const struct private_message *m, struct opened *o)
{
    const struct address to = {m->group_id, m->epoch, m->type == CONTENT_APPLICATION};
    struct past_epoch *past;
    enum status s = find_epoch(g, &to, &past);
    if (s != ST_OK) {
        return s;
    }
    const struct private_message_keys keys = {
        past != NULL ? past->messages : g->now->messages,
        past != NULL ? &past->sender_data : &g->now->secrets.sender_data,
    };
    s = private_message_open(m, &keys, &o->plain, &o->content, &o->key);
    if (s == ST_MLS_GENERATION_USED) {
        return if_own(g, m, &keys, s);
    }
    if (s != ST_OK) {
        return s;
    }
    s = verify_signer(g, past, o);
    if (s == ST_OK && past == NULL && o->content.content.sender.index == group_own_leaf(g)) {
        s = ST_MLS_OWN_LOST;
    }
    if (s == ST_OK) { /* only now: whoever cannot sign for the sender cannot spend its keys */
        o->tree = keys.tree;
    }
    return s;
}

/* The key of an authentic message is spent whatever became of its content; but not when we ran out of memory,
 * so that it can be read again. */
static enum status spend_key(struct mls_group *g, const struct opened *o, enum status became)
{
    if (o->tree == NULL || status_class(became) == CLASS_INTERNAL) {
        return became;
    }
    enum status s = secret_tree_commit(o->tree, &o->key);
    g->changed |= s == ST_OK;
    return s == ST_OK ? became : s;
}

static enum status open_message(struct mls_group *g, const struct message *m, struct opened *o)
{
    if (m->format == WIRE_PUBLIC_MESSAGE) {
        return open_public(g, &m->u.public_message, o);
    }
    return m->format == WIRE_PRIVATE_MESSAGE ? open_private(g, &m->u.private_message, o) : ST_WIRE_ENUM;
}

/* ---- proposals ---- */

static enum status receive_proposal(struct mls_group *g, const struct opened *o)
{
    const struct framed_content *c = &o->content.content;
    const struct proposal_rules rules = {&g->now->tree, g->now->context.group_id};
    enum status s = proposal_check(&c->u.proposal, c->sender.index, &rules);
    return s == ST_OK ? group_add_pending(g, &o->content, NULL) : s;
}

/* ---- commits: the public checks (RFC 9420 §12.4.2, protocol.md §5.3) ---- */

static const struct pending_proposal *find_pending(const struct mls_group *g, struct span ref)
{
    for (uint32_t i = 0; i < g->pending_count; i++) {
        if (span_equal(SPAN(g->pending[i]->ref), ref)) {
            return g->pending[i];
        }
    }
    return NULL;
}

static enum status push_by_ref(struct mls_staged *s, const struct mls_group *g, struct span ref)
{
    const struct pending_proposal *p = find_pending(g, ref);
    if (p == NULL) {
        return ST_MLS_PROPOSAL_UNKNOWN;
    }
    if (p->has_key) {
        s->has_update_key = true;
        s->update_key = p->key;
    }
    return proposal_list_push(
        &s->list,
        &(struct listed_proposal){.proposal = p->proposal, .sender = p->sender, .ref = ref, .checked = true});
}

static enum status resolve_proposals(struct mls_staged *s, const struct mls_group *g)
{
    struct reader r;
    enum status st = ST_OK;
    reader_init(&r, s->commit.content.u.commit.proposals);
    while (st == ST_OK && reader_more(&r)) {
        struct proposal_or_ref p;
        proposal_or_ref_read(&r, &p);
        if (p.type == PROPOSAL_BY_REF) {
            st = push_by_ref(s, g, p.ref);
        } else {
            st = proposal_list_push(
                &s->list, &(struct listed_proposal){.proposal = p.proposal, .sender = s->committer});
        }
    }
    return st == ST_OK ? proposal_list_own(&s->list) : st;
}

static enum status keep_commit(struct mls_staged *s, const struct authenticated_content *a)
{
    struct writer w;
    writer_init(&w, &s->commit_bytes);
    authenticated_content_write(&w, a);
    enum status st = writer_done(&w);
    return st == ST_OK ? authenticated_content_decode(&s->commit, buffer_span(&s->commit_bytes)) : st;
}

static enum status merge_path(struct mls_staged *s, const struct mls_group *g)
{
    const struct commit *c = &s->commit.content.u.commit;
    const struct tree_context context = {g->now->context.group_id, &s->extensions};
    if (!c->has_path) {
        return proposal_list_needs_path(&s->list) ? ST_MLS_PATH_MISSING : ST_OK;
    }
    const struct treekem_take_args take = {s->committer, &c->path, {s->added, s->added_count}};
    return treekem_merge(&s->next->tree, &context, &take);
}

static enum status judge_commit(struct mls_staged *s, const struct mls_group *g,
                                const struct authenticated_content *a)
{
    enum status st = keep_commit(s, a);
    if (st == ST_OK && a->auth.confirmation_tag.len != HASH_LEN) {
        st =
            ST_WIRE_VALUE; /* everybody sees that it cannot be one; whether it is right is a private matter */
    }
    if (st == ST_OK) {
        st = resolve_proposals(s, g);
    }
    if (st == ST_OK) {
        st = staged_apply(s, g);
    }
    if (st == ST_OK) {
        st = merge_path(s, g);
    }
    if (st == ST_OK) {
        st = staged_set_provisional(s, g);
    }
    if (st == ST_OK) {
        st = staged_set_context(s, g);
    }
    return st == ST_OK ? staged_describe(s) : st;
}

static enum status receive_commit(struct mls_group *g, const struct opened *o, struct span message,
                                  struct mls_staged **out)
{
    struct mls_staged *s;
    enum status st = staged_new(&s, g, o->content.content.sender.index);
    if (st != ST_OK) {
        return st;
    }
    st = judge_commit(s, g, &o->content);
    if (st != ST_OK) {
        mls_staged_free(s);
        return st;
    }
    hash_bytes(message, s->message_hash);
    *out = s;
    return ST_OK;
}

/* ---- what the caller gets ---- */

/* Authenticated and application data, copied behind each other. */
static enum status hand_out(const struct opened *o, struct mls_received *out)
{
    const struct framed_content *c = &o->content.content;
    struct span application = c->type == CONTENT_APPLICATION ? c->body : SPAN_EMPTY;
    buffer_init(&out->storage, MLS_MESSAGE_MAX);
    enum status s = buffer_reserve(&out->storage, c->authenticated_data.len + application.len + 1);
    if (s == ST_OK) {
        s = buffer_append(&out->storage, c->authenticated_data);
    }
    if (s == ST_OK) {
        s = buffer_append(&out->storage, application);
    }
    if (s != ST_OK) {
        return s;
    }
    out->authenticated_data = SPAN_OF(out->storage.ptr, c->authenticated_data.len);
    out->application = SPAN_OF(out->storage.ptr + c->authenticated_data.len, application.len);
    out->epoch = c->epoch;
    out->sender = c->sender.index;
    memcpy(out->sender_key.b, o->signer.ptr, SIGN_PUBLIC_LEN);
    return ST_OK;
}

static enum status dispatch(struct mls_group *g, const struct opened *o, struct span message,
                            struct mls_received *out)
{
    switch (o->content.content.type) {
    case CONTENT_APPLICATION:
        out->kind = MLS_RECEIVED_APPLICATION;
        return ST_OK;
    case CONTENT_PROPOSAL:
        out->kind = MLS_RECEIVED_PROPOSAL;
        return receive_proposal(g, o);
    case CONTENT_COMMIT:
        out->kind = MLS_RECEIVED_COMMIT;
        return receive_commit(g, o, message, &out->staged);
    }
    return ST_WIRE_ENUM;
}

enum status mls_group_receive(struct mls_group *g, struct span message, struct mls_received *out)
{
    struct message m;
    struct opened o = {0};
    *out = (struct mls_received){0};
    if (g->removed) {
        return ST_MLS_REMOVED;
    }
    buffer_init(&o.plain, MLS_MESSAGE_MAX);
    enum status s = message_decode(&m, message);
    if (s == ST_OK) {
        s = open_message(g, &m, &o);
    }
    if (s == ST_OK) {
        s = hand_out(&o, out);
    }
    if (s == ST_OK) {
        s = dispatch(g, &o, message, out);
    }
    s = spend_key(g, &o, s);
    if (s != ST_OK) {
        mls_received_wipe(out);
    }
    message_key_wipe(&o.key);
    buffer_wipe(&o.plain);
    return s;
}

void mls_received_wipe(struct mls_received *r)
{
    mls_staged_free(r->staged);
    buffer_wipe(&r->storage);
    *r = (struct mls_received){0};
}

static void describe_framing(const struct message *m, struct mls_message_info *out)
{
    enum content_type type = CONTENT_APPLICATION;
    if (m->format == WIRE_PUBLIC_MESSAGE) {
        const struct framed_content *c = &m->u.public_message.signed_content.content;
        out->group_id = c->group_id;
        out->epoch = c->epoch;
        type = c->type;
    } else if (m->format == WIRE_PRIVATE_MESSAGE) {
        out->group_id = m->u.private_message.group_id;
        out->epoch = m->u.private_message.epoch;
        type = m->u.private_message.type;
    }
    out->handshake = type != CONTENT_APPLICATION;
    out->commit = type == CONTENT_COMMIT;
}

enum status mls_message_info(struct span message, struct mls_message_info *out)
{
    struct message m;
    *out = (struct mls_message_info){0};
    enum status s = message_decode(&m, message);
    if (s == ST_OK) {
        out->kind = (enum mls_message_kind)m.format;
        describe_framing(&m, out);
    }
    return s;
}
