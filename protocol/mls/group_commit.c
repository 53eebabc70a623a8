/* SPDX-License-Identifier: Apache-2.0 */
/* Making a commit (RFC 9420 §12.4.1) and the Welcome for those whom it adds. */
#include <string.h>

#include "protocol/mls/psk_lookup.h"
#include "protocol/mls/staged.h"

enum { NODES_MAX = MLS_MESSAGE_MAX, BODY_MAX = MLS_MESSAGE_MAX };

struct committing { /* what a commit in the making borrows from; wiped at its end */
    struct mls_group *g;
    const struct mls_commit_args *args;
    struct entropy *e;
    struct mls_staged *s;
    struct buffer extensions, nodes, proposals, body;
    struct ratchet_tree trial;         /* with the proposals that were taken so far */
    struct extensions extensions_then; /* of the new context, as far as is known */
    bool has_path;
    struct treekem_path path;
    struct update_path update;
    struct secret psk_secret, joiner;
    uint8_t signature[SIGNATURE_LEN];
};

static void committing_wipe(struct committing *c)
{
    buffer_wipe(&c->extensions);
    buffer_wipe(&c->nodes);
    buffer_wipe(&c->proposals);
    buffer_wipe(&c->body);
    ratchet_tree_wipe(&c->trial);
    treekem_path_wipe(&c->path);
    bytes_wipe(c, sizeof(*c));
}

/* ---- the proposals ---- */

static enum status push_own(struct committing *c, const struct proposal *p)
{
    return proposal_list_push(&c->s->list,
                              &(struct listed_proposal){.proposal = *p, .sender = c->s->committer});
}

static enum status push_adds(struct committing *c)
{
    enum status s = ST_OK;
    for (size_t i = 0; i < c->args->add_count && s == ST_OK; i++) {
        struct message m;
        s = message_decode(&m, c->args->adds[i]);
        if (s == ST_OK && m.format != WIRE_KEY_PACKAGE) {
            s = ST_MLS_KEY_PACKAGE;
        }
        if (s == ST_OK) {
            s = push_own(c, &(struct proposal){.type = PROPOSAL_ADD, .u.add = m.u.key_package});
        }
    }
    return s;
}

static enum status push_removes(struct committing *c)
{
    enum status s = ST_OK;
    for (size_t i = 0; i < c->args->remove_count && s == ST_OK; i++) {
        s = push_own(c, &(struct proposal){.type = PROPOSAL_REMOVE, .u.remove = c->args->removes[i]});
    }
    return s;
}

static enum status push_psks(struct committing *c)
{
    uint8_t nonces[MLS_PSKS_MAX][SECRET_LEN];
    enum status s = c->args->psk_id_count <= MLS_PSKS_MAX ? ST_OK : ST_MLS_PSK_COUNT;
    for (size_t i = 0; s == ST_OK && i < c->args->psk_id_count; i++) {
        entropy_fill(c->e, nonces[i], SECRET_LEN);
        struct proposal p = {.type = PROPOSAL_PSK};
        p.u.psk = (struct psk_id){.type = PSK_EXTERNAL,
                                  .external_id = c->args->psk_ids[i],
                                  .nonce = SPAN_OF(nonces[i], SECRET_LEN)};
        s = push_own(c, &p);
    }
    /* The nonces live on this stack: the list must not borrow them any longer. */
    return s == ST_OK && c->args->psk_id_count > 0 ? proposal_list_own(&c->s->list) : s;
}

static enum status push_extensions(struct committing *c)
{
    if (!c->args->set_extensions) {
        return ST_OK;
    }
    struct reader r;
    struct buffer vec;
    struct writer w;
    struct proposal p = {.type = PROPOSAL_EXTENSIONS};
    buffer_init(&vec, MLS_EXTENSIONS_MAX + 8);
    enum status s = group_encode_extensions(&c->args->extensions, &c->extensions);
    if (s == ST_OK) { /* through the decoder, which refuses a type twice */
        writer_init(&w, &vec);
        writer_vec(&w, buffer_span(&c->extensions));
        s = writer_done(&w);
    }
    if (s == ST_OK) {
        reader_init(&r, buffer_span(&vec));
        extensions_read(&r, &p.u.extensions);
        s = reader_done(&r);
    }
    p.u.extensions.list = buffer_span(&c->extensions);
    buffer_wipe(&vec);
    return s == ST_OK ? push_own(c, &p) : s;
}

/* ---- the proposals that wait: those that go together with the commit, and leave a valid tree ---- */

/* May the list take this one too? */
static bool fits(const struct committing *c, const struct listed_proposal *p)
{
    const struct proposal_list *l = &c->s->list;
    if (!proposal_committable(p, c->s->committer) || l->count == MLS_PROPOSALS_MAX) {
        return false;
    }
    if (p->proposal.type == PROPOSAL_ADD && c->args->now_ms != 0 &&
        key_package_check_lifetime(&p->proposal.u.add, c->args->now_ms) != ST_OK) {
        return false;
    }
    for (size_t i = 0; i < l->count; i++) {
        if (proposal_conflicts(&l->items[i], p)) {
            return false;
        }
    }
    return true;
}

/* Applies p to the trial tree, if the tree is valid then: the receivers' own rule. Else the tree stays as it
 * was, and the answer says why. */
static enum status try_on(struct committing *c, const struct listed_proposal *p)
{
    struct ratchet_tree next;
    uint32_t leaf = p->sender;
    const struct tree_context context = {c->g->now->context.group_id, &c->extensions_then};
    enum status s = ratchet_tree_copy(&next, &c->trial);
    if (s != ST_OK) {
        return s;
    }
    switch (p->proposal.type) {
    case PROPOSAL_REMOVE:
        s = ratchet_tree_remove(&next, p->proposal.u.remove);
        break;
    case PROPOSAL_ADD:
        s = ratchet_tree_add(&next, &p->proposal.u.add.leaf, &leaf);
        s = s == ST_OK ? tree_validate_leaf(&next, &context, leaf) : s;
        break;
    case PROPOSAL_UPDATE:
        s = ratchet_tree_update(&next, leaf, &p->proposal.u.update);
        s = s == ST_OK ? tree_validate_leaf(&next, &context, leaf) : s;
        break;
    case PROPOSAL_EXTENSIONS:
        s = tree_validate_capabilities(&next, &p->proposal.u.extensions);
        break;
    case PROPOSAL_PSK:
    case PROPOSAL_REINIT:
    case PROPOSAL_EXTERNAL_INIT:
        break;
    }
    if (s == ST_OK) {
        ratchet_tree_wipe(&c->trial);
        c->trial = next;
    } else {
        ratchet_tree_wipe(&next);
    }
    return s;
}

/* The waiting proposals of one type, newest first, as far as they fit. */
static enum status push_pending(struct committing *c, enum proposal_type type)
{
    for (uint32_t i = c->g->pending_count; i-- > 0;) {
        const struct pending_proposal *p = c->g->pending[i];
        struct listed_proposal item = {
            .proposal = p->proposal, .sender = p->sender, .ref = SPAN(p->ref), .checked = true};
        if (p->proposal.type != type || !fits(c, &item)) {
            continue;
        }
        enum status s = try_on(c, &item);
        if (s == ST_OK) {
            s = proposal_list_push(&c->s->list, &item);
            c->extensions_then = type == PROPOSAL_EXTENSIONS ? p->proposal.u.extensions : c->extensions_then;
        } else if (s != ST_NO_MEMORY) {
            s = ST_OK; /* left out: whoever commits must not be stopped by what another proposed */
        }
        if (s != ST_OK) {
            return s;
        }
    }
    return ST_OK;
}

/* The tree with the proposals by value that come before those by reference; whether they are valid is asked
 * when the whole list is applied. */
static enum status start_trial(struct committing *c)
{
    enum status s = ratchet_tree_copy(&c->trial, &c->g->now->tree);
    c->extensions_then = c->g->now->context.extensions;
    for (size_t i = 0; i < c->s->list.count && s == ST_OK; i++) {
        const struct listed_proposal *p = &c->s->list.items[i];
        if (p->proposal.type == PROPOSAL_EXTENSIONS) {
            c->extensions_then = p->proposal.u.extensions;
        }
        s = try_on(c, p) == ST_NO_MEMORY ? ST_NO_MEMORY : ST_OK;
    }
    return s;
}

/* §12.2: rather any Remove, then the most recent Update; and the context before those whom it judges. */
static enum status push_all_pending(struct committing *c)
{
    static const enum proposal_type order[] = {PROPOSAL_REMOVE, PROPOSAL_EXTENSIONS, PROPOSAL_UPDATE,
                                               PROPOSAL_ADD, PROPOSAL_PSK};
    enum status s = start_trial(c);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && s == ST_OK; i++) {
        s = push_pending(c, order[i]);
    }
    return s;
}

/* §12.4: the adder looks at lifetimes. */
static enum status check_lifetimes(const struct committing *c)
{
    for (size_t i = 0; c->args->now_ms != 0 && i < c->s->list.count; i++) {
        const struct proposal *p = &c->s->list.items[i].proposal;
        enum status s =
            p->type == PROPOSAL_ADD ? key_package_check_lifetime(&p->u.add, c->args->now_ms) : ST_OK;
        if (s != ST_OK) {
            return s;
        }
    }
    return ST_OK;
}

static enum status gather(struct committing *c)
{
    enum status (*const steps[])(struct committing *) = {push_psks, push_extensions, push_removes, push_adds};
    enum status s = ST_OK;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && s == ST_OK; i++) {
        s = steps[i](c);
    }
    if (s == ST_OK) {
        s = check_lifetimes(c);
    }
    if (s == ST_OK && c->args->take_pending) {
        s = push_all_pending(c);
    }
    return s == ST_OK ? proposal_list_own(&c->s->list) : s;
}

/* ---- the path ---- */

static enum status make_path(struct committing *c)
{
    struct mls_staged *s = c->s;
    struct leaf_node content = *ratchet_tree_leaf(&c->g->now->tree, s->committer);
    if (c->args->identity.len > 0) {
        content.credential = (struct credential){CREDENTIAL_BASIC, c->args->identity};
    }
    const struct treekem_generate_args generate = {.leaf = s->committer,
                                                   .content = &content,
                                                   .signer = c->args->key,
                                                   .group_id = c->g->now->context.group_id,
                                                   .entropy = c->e};
    enum status st = treekem_generate(&s->next->tree, &s->next->keys, &generate, &c->path);
    if (st == ST_OK) {
        st = staged_set_provisional(s, c->g);
    }
    if (st != ST_OK) {
        return st;
    }
    const struct treekem_seal_args seal = {
        .context = buffer_span(&s->provisional), .added = {s->added, s->added_count}, .entropy = c->e};
    return treekem_seal(&s->next->tree, &c->path, &seal, &c->nodes, &c->update);
}

/* ---- the commit itself ---- */

static enum status encode_body(struct committing *c)
{
    struct writer w;
    const struct proposal_list *l = &c->s->list;
    writer_init(&w, &c->proposals);
    for (size_t i = 0; i < l->count; i++) {
        bool by_ref = l->items[i].ref.len > 0;
        proposal_or_ref_write(&w,
                              &(struct proposal_or_ref){.type = by_ref ? PROPOSAL_BY_REF : PROPOSAL_BY_VALUE,
                                                        .proposal = l->items[i].proposal,
                                                        .ref = l->items[i].ref});
    }
    enum status s = writer_done(&w);
    if (s != ST_OK) {
        return s;
    }
    writer_init(&w, &c->body);
    commit_write(&w, &(struct commit){.proposals = buffer_span(&c->proposals),
                                      .has_path = c->has_path,
                                      .path = c->update});
    return writer_done(&w);
}

static enum status sign_commit(struct committing *c)
{
    struct authenticated_content *a = &c->s->commit;
    *a = (struct authenticated_content){.wire_format = c->args->public_message ? WIRE_PUBLIC_MESSAGE
                                                                               : WIRE_PRIVATE_MESSAGE};
    a->content.authenticated_data = c->args->authenticated_data;
    a->content.type = CONTENT_COMMIT;
    a->content.body = buffer_span(&c->body);
    return group_sign_content(c->g, c->args->key, a, c->signature);
}

static enum status derive(struct committing *c)
{
    struct buffer ids;
    struct secret none = {0};
    const struct psk_sources sources = {&c->args->psks, c->g};
    enum status s = staged_psk_ids(c->s, &ids);
    if (s == ST_OK) {
        s = psk_lookup(buffer_span(&ids), &sources, &c->psk_secret);
    }
    if (s == ST_OK) {
        s = staged_derive(c->s, c->g, c->has_path ? &c->path.commit_secret : &none, &c->psk_secret,
                          &c->joiner);
    }
    buffer_wipe(&ids);
    return s;
}

/* The commit's final form, which the staged epoch keeps. */
static enum status keep_commit(struct committing *c)
{
    struct writer w;
    struct mls_staged *s = c->s;
    s->commit.auth.confirmation_tag = SPAN(s->next->confirmation_tag);
    writer_init(&w, &s->commit_bytes);
    authenticated_content_write(&w, &s->commit);
    enum status st = writer_done(&w);
    if (st == ST_OK) {
        st = authenticated_content_decode(&s->commit, buffer_span(&s->commit_bytes));
    }
    return st == ST_OK ? staged_describe(s) : st;
}

/* ---- the Welcome (§12.4.3.1) ---- */

static enum status sign_info(struct committing *c, struct buffer *out)
{
    struct buffer tree, extensions;
    struct writer w;
    struct group_info info = {.context = c->s->next->context,
                              .confirmation_tag = SPAN(c->s->next->confirmation_tag),
                              .signer = c->s->committer};
    enum status s = ST_OK;
    buffer_init(&tree, MLS_TREE_MAX);
    buffer_init(&extensions, MLS_EXTENSIONS_MAX);
    if (!c->args->tree_apart) {
        s = mls_staged_tree(c->s, &tree);
        writer_init(&w, &extensions);
        extension_write(&w, EXTENSION_RATCHET_TREE, buffer_span(&tree));
        s = s == ST_OK ? writer_done(&w) : s;
        info.extensions.list = buffer_span(&extensions);
    }
    if (s == ST_OK) {
        s = group_info_sign(&info, c->args->key, out);
    }
    buffer_wipe(&tree);
    buffer_wipe(&extensions);
    return s;
}

static enum status seal_for(struct committing *c, const struct listed_proposal *add, struct span psk_ids,
                            struct span encrypted_info, struct buffer *out)
{
    uint8_t ref[HASH_LEN];
    struct secret path_secret = {0};
    const struct key_package *p = &add->proposal.u.add;
    enum status s = key_package_ref(p->encoded, ref);
    if (s == ST_OK && c->has_path) {
        s = treekem_path_secret_for(&c->path, add->leaf, &path_secret);
    }
    if (s == ST_OK) {
        const struct group_secrets secrets = {.joiner_secret = SPAN_ID(&c->joiner),
                                              .has_path_secret = c->has_path,
                                              .path_secret = SPAN_ID(&path_secret),
                                              .psks = psk_ids};
        s = welcome_seal_secrets(&secrets, &(struct welcome_recipient){SPAN(ref), p->init_key},
                                 encrypted_info, c->e, out);
    }
    secret_wipe(&path_secret);
    return s;
}

static enum status seal_welcome(struct committing *c, struct buffer *sealed, struct buffer *secrets,
                                struct buffer *psk_ids)
{
    struct buffer info;
    buffer_init(&info, MLS_MESSAGE_MAX);
    enum status s = sign_info(c, &info);
    if (s == ST_OK) {
        s = welcome_seal_info(buffer_span(&info), &c->joiner, &c->psk_secret, sealed);
    }
    for (size_t i = 0; i < c->s->list.count && s == ST_OK; i++) {
        const struct listed_proposal *p = &c->s->list.items[i];
        if (p->proposal.type == PROPOSAL_ADD) {
            s = seal_for(c, p, buffer_span(psk_ids), buffer_span(sealed), secrets);
        }
    }
    buffer_wipe(&info);
    return s;
}

static enum status write_welcome(struct committing *c, struct buffer *out)
{
    struct buffer sealed, secrets, psk_ids;
    struct writer w;
    buffer_init(&sealed, MLS_MESSAGE_MAX);
    buffer_init(&secrets, MLS_MESSAGE_MAX);
    enum status s = staged_psk_ids(c->s, &psk_ids);
    if (s == ST_OK) {
        s = seal_welcome(c, &sealed, &secrets, &psk_ids);
    }
    if (s == ST_OK) {
        writer_init(&w, out);
        message_write_header(&w, WIRE_WELCOME);
        welcome_write(&w, &(struct welcome){.cipher_suite = SUITE_ID,
                                            .secrets = buffer_span(&secrets),
                                            .encrypted_group_info = buffer_span(&sealed)});
        s = writer_done(&w);
    }
    buffer_wipe(&sealed);
    buffer_wipe(&secrets);
    buffer_wipe(&psk_ids);
    return s;
}

/* ---- all together ---- */

/* Everything but the two messages. */
static enum status stage(struct committing *c)
{
    struct mls_staged *s = c->s;
    enum status st = gather(c);
    if (st == ST_OK) {
        st = staged_apply(s, c->g);
    }
    if (st != ST_OK) {
        return st;
    }
    s->next->keys = c->g->now->keys;
    treekem_keys_prune(&s->next->keys, &s->next->tree);
    c->has_path = c->args->force_path || c->args->identity.len > 0 || proposal_list_needs_path(&s->list);
    enum status (*const steps[])(struct committing *) = {encode_body, sign_commit};
    st = c->has_path ? make_path(c) : ST_OK;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && st == ST_OK; i++) {
        st = steps[i](c);
    }
    if (st == ST_OK) {
        st = staged_set_context(s, c->g);
    }
    if (st == ST_OK) {
        st = derive(c);
    }
    if (st == ST_OK) {
        st = keep_commit(c);
    }
    return st == ST_OK ? past_epoch_new(&s->past, c->g->now) : st;
}

static enum status write_messages(struct committing *c, struct buffer *message, struct buffer *welcome)
{
    enum status s = c->s->added_count > 0 ? write_welcome(c, welcome) : ST_OK;
    if (s == ST_OK) { /* last, since it spends a key */
        s = group_frame(c->g, &c->s->commit, 0, c->e, message);
    }
    if (s == ST_OK) {
        hash_bytes(buffer_span(message), c->s->message_hash);
        c->s->open = true;
    }
    return s;
}

enum status mls_group_commit(struct mls_group *g, const struct mls_commit_args *a, struct entropy *e,
                             struct mls_staged **staged, struct buffer *message, struct buffer *welcome)
{
    struct committing c = {.g = g, .args = a, .e = e};
    *staged = NULL;
    message->len = welcome->len = 0;
    buffer_init(&c.extensions, MLS_EXTENSIONS_MAX);
    buffer_init(&c.nodes, NODES_MAX);
    buffer_init(&c.proposals, BODY_MAX);
    buffer_init(&c.body, BODY_MAX);
    enum status s = group_check_key(g, a->key);
    if (s == ST_OK) {
        s = staged_new(&c.s, g, group_own_leaf(g));
    }
    if (s == ST_OK) {
        s = stage(&c);
    }
    if (s == ST_OK) {
        s = write_messages(&c, message, welcome);
    }
    if (s == ST_OK) {
        *staged = c.s;
    } else {
        mls_staged_free(c.s);
        message->len = welcome->len = 0;
    }
    committing_wipe(&c);
    return s;
}
