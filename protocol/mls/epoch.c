/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/epoch.h"

#include <assert.h>
#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/transcript.h"

enum { CONTEXT_MAX = MLS_EXTENSIONS_MAX + 1024, SIGNERS_MAX = MLS_LEAVES_MAX * SIGN_PUBLIC_LEN };

enum status epoch_new(struct epoch **out)
{
    struct epoch *e = mem_alloc(1, sizeof(*e));
    *out = e;
    if (e == NULL) {
        return ST_NO_MEMORY;
    }
    ratchet_tree_init(&e->tree);
    buffer_init(&e->context_bytes, CONTEXT_MAX);
    return ST_OK;
}

void epoch_free(struct epoch *e)
{
    if (e == NULL) {
        return;
    }
    ratchet_tree_wipe(&e->tree);
    buffer_wipe(&e->context_bytes);
    treekem_keys_wipe(&e->keys);
    epoch_secrets_wipe(&e->secrets);
    secret_tree_free(e->messages);
    mem_free(e, sizeof(*e));
}

enum status epoch_set_context(struct epoch *e, const struct group_context *c)
{
    struct writer w;
    e->context_bytes.len = 0;
    writer_init(&w, &e->context_bytes);
    group_context_write(&w, c);
    enum status s = writer_done(&w);
    return s == ST_OK ? group_context_decode(&e->context, buffer_span(&e->context_bytes)) : s;
}

enum status epoch_derive(struct epoch *e, const struct secret *joiner, const struct secret *psk_secret)
{
    struct secret encryption;
    enum status s = key_schedule_epoch(joiner, psk_secret, buffer_span(&e->context_bytes), &e->secrets);
    if (s != ST_OK) {
        return s;
    }
    struct span confirmed = e->context.confirmed_transcript_hash;
    confirmation_tag_compute(&e->secrets.confirmation_key, confirmed, e->confirmation_tag);
    transcript_interim(confirmed, e->confirmation_tag, e->interim);
    encryption = e->secrets.encryption;
    return secret_tree_new(&e->messages, e->tree.leaf_count, &encryption);
}

void epoch_forget_encryption(struct epoch *e)
{
    secret_wipe(&e->secrets.encryption);
}

/* ---- storage ---- */

enum { EPOCH_SECRET_COUNT = sizeof(struct epoch_secrets) / sizeof(struct secret) };
static_assert(EPOCH_SECRET_COUNT == 9, "a new secret must be stored too");

void epoch_secrets_write(struct writer *w, const struct epoch_secrets *s)
{
    const struct secret *all[EPOCH_SECRET_COUNT] = {
        &s->sender_data,    &s->encryption,     &s->exporter,      &s->external, &s->confirmation_key,
        &s->membership_key, &s->resumption_psk, &s->authenticator, &s->init};
    for (size_t i = 0; i < EPOCH_SECRET_COUNT; i++) {
        writer_bytes(w, SPAN_ID(all[i]));
    }
}

void epoch_secrets_read(struct reader *r, struct epoch_secrets *out)
{
    struct secret *all[EPOCH_SECRET_COUNT] = {
        &out->sender_data,    &out->encryption,       &out->exporter,
        &out->external,       &out->confirmation_key, &out->membership_key,
        &out->resumption_psk, &out->authenticator,    &out->init};
    for (size_t i = 0; i < EPOCH_SECRET_COUNT; i++) {
        reader_fixed(r, all[i]->b, SECRET_LEN);
    }
}

/* ---- past epochs ---- */

static enum status copy_signers(struct buffer *out, const struct ratchet_tree *t)
{
    static const uint8_t none[SIGN_PUBLIC_LEN];
    enum status s = buffer_reserve(out, (size_t)t->leaf_count * SIGN_PUBLIC_LEN);
    for (uint32_t leaf = 0; leaf < t->leaf_count && s == ST_OK; leaf++) {
        const struct leaf_node *n = ratchet_tree_leaf(t, leaf);
        s = buffer_append(out, n == NULL ? SPAN(none) : n->signature_key);
    }
    return s;
}

enum status past_epoch_new(struct past_epoch **out, const struct epoch *e)
{
    struct past_epoch *p = mem_alloc(1, sizeof(*p));
    *out = NULL;
    if (p == NULL) {
        return ST_NO_MEMORY;
    }
    p->epoch = e->context.epoch;
    p->sender_data = e->secrets.sender_data;
    p->resumption_psk = e->secrets.resumption_psk;
    buffer_init(&p->context_bytes, CONTEXT_MAX);
    buffer_init(&p->signers, SIGNERS_MAX);
    enum status s = buffer_append(&p->context_bytes, buffer_span(&e->context_bytes));
    if (s == ST_OK) {
        s = copy_signers(&p->signers, &e->tree);
    }
    if (s != ST_OK) {
        past_epoch_free(p);
        return s;
    }
    *out = p;
    return ST_OK;
}

void past_epoch_free(struct past_epoch *p)
{
    if (p == NULL) {
        return;
    }
    buffer_wipe(&p->context_bytes);
    buffer_wipe(&p->signers);
    secret_tree_free(p->messages);
    mem_free(p, sizeof(*p));
}

struct span past_epoch_signer(const struct past_epoch *p, uint32_t leaf)
{
    static const uint8_t none[SIGN_PUBLIC_LEN];
    size_t at = (size_t)leaf * SIGN_PUBLIC_LEN;
    if (at >= p->signers.len) {
        return SPAN_EMPTY;
    }
    struct span key = SPAN_OF(p->signers.ptr + at, SIGN_PUBLIC_LEN);
    return memcmp(key.ptr, none, sizeof(none)) == 0 ? SPAN_EMPTY : key;
}
