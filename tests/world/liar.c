/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/liar_internal.h"

#include <stdio.h>

#include "device/authorize.h"
#include "protocol/entry_body.h"
#include "protocol/hpke.h"
#include "protocol/mls/staged.h"
#include "sync/family.h"
#include "sync/journal_internal.h"
#include "sync/key_packages.h"
#include "sync/letters.h"
#include "sync/readd.h"
#include "sync/scope_internal.h"
#include "tests/support/test.h"
#include "tests/world/world_inside.h"

/* ---- the patched functions: --wrap of the linker ---- */

static struct {
    bool poison, poison_tag, unjudged;
    uint32_t spared; /* bits of the recipients of a path that get what they need */
    unsigned sealed;
} lying;

enum status __real_hpke_seal_label(enum label_space space, const struct dh_public *to, struct span label,
                                   struct span context, struct span plaintext, struct entropy *e,
                                   uint8_t enc[static HPKE_ENC_LEN], struct buffer *out);
enum status __wrap_hpke_seal_label(enum label_space space, const struct dh_public *to, struct span label,
                                   struct span context, struct span plaintext, struct entropy *e,
                                   uint8_t enc[static HPKE_ENC_LEN], struct buffer *out) MUST_USE;
enum status __wrap_hpke_seal_label(enum label_space space, const struct dh_public *to, struct span label,
                                   struct span context, struct span plaintext, struct entropy *e,
                                   uint8_t enc[static HPKE_ENC_LEN], struct buffer *out)
{
    enum status st = __real_hpke_seal_label(space, to, label, context, plaintext, e, enc, out);
    if (lying.poison && (lying.spared >> (lying.sealed++ % 32) & 1) == 0)
        enc[0] ^= 1;
    return st;
}

enum status __real_staged_derive(struct mls_staged *s, const struct mls_group *g,
                                 const struct secret *commit_secret, const struct secret *psk_secret,
                                 struct secret *joiner);
enum status __wrap_staged_derive(struct mls_staged *s, const struct mls_group *g,
                                 const struct secret *commit_secret, const struct secret *psk_secret,
                                 struct secret *joiner) MUST_USE;
enum status __wrap_staged_derive(struct mls_staged *s, const struct mls_group *g,
                                 const struct secret *commit_secret, const struct secret *psk_secret,
                                 struct secret *joiner)
{
    enum status st = __real_staged_derive(s, g, commit_secret, psk_secret, joiner);
    if (lying.poison_tag)
        s->next->confirmation_tag[0] ^= 1;
    return st;
}

enum status __real_authorize_commit(const struct authorize_args *a, struct chains *after);
enum status __wrap_authorize_commit(const struct authorize_args *a, struct chains *after) MUST_USE;
enum status __wrap_authorize_commit(const struct authorize_args *a, struct chains *after)
{
    return lying.unjudged && after == NULL ? ST_OK : __real_authorize_commit(a, after);
}

/* ---- where ---- */

struct telling {
    enum lie lie;
    unsigned which;
};

/* One of the groups in which somebody is to be lied to; NULL: there is none. */
static enum status pick(struct node *n, unsigned which, struct group **out)
{
    int64_t ids[64];
    size_t count = 0;
    struct query q;
    *out = NULL;
    query_start(&q, &n->sql, "SELECT id FROM mls_group WHERE state = 1 ORDER BY kind, id LIMIT 64", "");
    while (query_next(&q))
        ids[count++] = query_int(&q, 0);
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && *out == NULL && i < count; i++) {
        st = group_get(n, ids[(which + i) % count], out);
        if (st == ST_OK && mls_group_member_count((*out)->mls) < 2)
            *out = NULL;
    }
    return st;
}

/* Another member, by number. */
static bool other_member(struct node *n, const struct group *g, unsigned which, struct device_id *out)
{
    struct device_certificate c;
    size_t count = 0, at = which % mls_group_member_count(g->mls);
    for (uint32_t leaf = 0; group_next(g, &leaf, &c);) {
        if (count++ >= at && !ID_EQUAL(&c.device, &n->self.device)) {
            *out = c.device;
            return true;
        }
    }
    return false;
}

/* ---- commits ---- */

static enum status made_last(struct node *n, const struct group *g, bool *self)
{
    struct person_ref authors[ADMISSION_AUTHORS_MAX];
    size_t count = 0;
    enum status st = group_authors(n, g, authors, &count);
    *self = count > 0 && ID_EQUAL(&authors[0].person, &n->self.person);
    return st;
}

/* It is sent, and its author goes on as if it were not: as void it changes nothing. */
static enum status forget_commit(struct node *n, struct group *g)
{
    enum status st = group_save_pending(n, g, NULL);
    g->pending = false;
    if (st == ST_OK)
        st = sql_run(&n->sql, "UPDATE mls_group SET pending = 0 WHERE id = ?", "i", g->id);
    return st == ST_OK ? sql_run(&n->sql, "DELETE FROM pending_letter WHERE grp = ?", "i", g->id) : st;
}

static enum status lie_by_commit(struct node *n, struct group *g, const struct telling *t)
{
    const struct group_commit_args a = {0};
    bool again = false;
    enum status st = made_last(n, g, &again);
    if (st == ST_OK && t->lie == LIE_VOID && !again)
        return ST_GROUP_BUSY;
    lying.poison = t->lie == LIE_POISON || t->lie == LIE_POISON_ALL;
    lying.spared = t->lie == LIE_POISON_ALL ? 0 : 1 | (uint32_t)t->which * 2654435761u;
    lying.poison_tag = t->lie == LIE_POISON_TAG;
    lying.unjudged = t->lie == LIE_VOID;
    lying.sealed = 0;
    if (st == ST_OK)
        st = group_commit(n, g, &a);
    lying.poison = lying.poison_tag = lying.unjudged = false;
    return st == ST_OK && t->lie == LIE_VOID ? forget_commit(n, g) : st;
}

static enum status ask_again(struct node *n, struct group *g)
{
    static const struct device_id anybody;
    struct readd_request q = {.scope = g->scope, .generation = g->generation};
    struct buffer package, body;
    struct mls_member m;
    uint32_t at = mls_group_own_leaf(g->mls);
    assert_true(mls_group_next_member(g->mls, &at, &m));
    hash_bytes(m.leaf_node, q.old_leaf_hash);
    buffer_init(&package, WIRE_KEY_PACKAGE_MAX);
    buffer_init(&body, EVIDENCE_RECORD_MAX);
    enum status st = key_package_make(n, &anybody, false, &package);
    q.key_package = buffer_span(&package);
    if (st == ST_OK)
        st = readd_request_make(n, &q, &body);
    if (st == ST_OK)
        st = letters_to_members(n, g, LETTERBOX_READD, buffer_span(&body), NULL);
    buffer_wipe(&package);
    buffer_wipe(&body);
    return st;
}

/* ---- entries ---- */

struct forged {
    struct device_id as;
    uint64_t seq_more; /* beyond the next number */
    uint64_t hlc;      /* 0: now */
    unsigned number;
};

static enum status last_of(struct node *n, const struct group *g, const struct forged *f,
                           struct entry_header *h)
{
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT seq, hash FROM entry WHERE scope = ? AND author = ? AND fork = 0 ORDER BY seq DESC LIMIT 1",
        "bb", SPAN_ID(&g->scope), SPAN_ID(&f->as));
    h->seq = 1;
    if (query_next(&q)) {
        h->seq = (uint64_t)query_int(&q, 0) + 1;
        QUERY_ID(&q, 1, &h->prev);
    }
    h->seq = f->seq_more == UINT64_MAX ? (uint64_t)INT64_MAX : h->seq + f->seq_more;
    return query_end(&q);
}

/* A text, or in a scope without texts a note, signed by this device whoever it says wrote it. */
static enum status forge(struct node *n, const struct group *g, const struct forged *f, struct buffer *out)
{
    bool talks = entry_kind_in_scope(ENTRY_TEXT, g->kind);
    struct journal_entry e = {.header = {.scope = g->scope,
                                         .author = f->as,
                                         .generation = g->generation,
                                         .epoch = g->epoch,
                                         .hlc = f->hlc},
                              .has_body = true,
                              .kind = talks ? ENTRY_TEXT : ENTRY_NOTE};
    struct entry_body body = {.kind = e.kind};
    struct buffer encoded;
    struct writer w;
    char text[32];
    snprintf(text, sizeof(text), LIAR_TEXT "%u", f->number);
    if (talks)
        body.u.text.text = span_text(text);
    buffer_init(&encoded, ENTRY_BODY_MAX);
    writer_init(&w, &encoded);
    enum status st = last_of(n, g, f, &e.header);
    if (st == ST_OK && f->hlc == 0)
        st = node_hlc(n, &e.header.hlc);
    if (st == ST_OK)
        st = entry_body_encode(&w, &body);
    e.body = buffer_span(&encoded);
    entropy_fill(&n->entropy, e.salt, sizeof(e.salt));
    if (st == ST_OK)
        st = journal_entry_hash_body(&e);
    e.has_signature = journal_scope_signs(g->kind);
    if (st == ST_OK && e.has_signature)
        st = journal_entry_sign(&e, &n->self.key);
    writer_init(&w, out);
    if (st == ST_OK)
        st = journal_entry_encode(&w, &e);
    buffer_wipe(&encoded);
    return st;
}

static enum status send(struct node *n, struct group *g, enum group_message_kind kind, struct span body)
{
    const struct group_message m = {kind, body};
    return group_send(n, g, &m, 1, OUTBOX_PLAIN, NULL);
}

static enum status send_forged(struct node *n, struct group *g, const struct forged *f)
{
    struct buffer bytes;
    bool own = ID_EQUAL(&f->as, &n->self.device);
    buffer_init(&bytes, GROUP_MESSAGE_MAX);
    enum status st = forge(n, g, f, &bytes);
    if (st == ST_OK)
        st = send(n, g, own ? GROUP_ENTRY : GROUP_PASSED_ON, buffer_span(&bytes));
    buffer_wipe(&bytes);
    return st;
}

/* The last byte of what somebody wrote is another. */
static enum status change_body(struct node *n, struct group *g, const struct device_id *as)
{
    struct buffer bytes;
    bool found = false;
    buffer_init(&bytes, GROUP_MESSAGE_MAX);
    enum status st = sql_bytes(&n->sql, &bytes, &found,
                               "SELECT entry FROM entry WHERE scope = ? AND author = ? AND has_body = 1"
                               " ORDER BY seq DESC LIMIT 1",
                               "bb", SPAN_ID(&g->scope), SPAN_ID(as));
    if (st == ST_OK && found && bytes.len > 0) {
        bytes.ptr[bytes.len - 1] ^= 1;
        st = send(n, g, GROUP_PASSED_ON, buffer_span(&bytes));
    }
    buffer_wipe(&bytes);
    return st == ST_OK && !found ? ST_GROUP_BUSY : st;
}

static enum status lie_by_entry(struct node *n, struct group *g, const struct telling *t)
{
    struct forged f = {.as = n->self.device, .number = t->which};
    if ((t->lie == LIE_FORGE_NEXT || t->lie == LIE_FORGE_BODY) && !other_member(n, g, t->which, &f.as))
        return ST_GROUP_BUSY;
    if (t->lie == LIE_FORGE_BODY)
        return change_body(n, g, &f.as);
    if (t->lie == LIE_JUMP)
        f.seq_more = 1 + t->which % 1000;
    else if (t->lie == LIE_JUMP_END)
        f.seq_more = UINT64_MAX;
    else if (t->lie == LIE_AHEAD)
        f.hlc = (uint64_t)(n->now.wall_ms + INT64_C(3) * 365 * 86400000) << 16;
    else if (t->lie == LIE_AHEAD_END)
        f.hlc = t->which % 2 == 0 ? UINT64_MAX : (uint64_t)INT64_MAX;
    enum status st = send_forged(n, g, &f);
    f.number++;
    return st == ST_OK && t->lie == LIE_TWICE ? send_forged(n, g, &f) : st;
}

/* ---- all ---- */

static enum status tell(struct node *n, void *arg)
{
    const struct telling *t = arg;
    struct group *g = NULL;
    bool echoed = false;
    if (t->lie == LIE_COUNTERFEIT) {
        liar_gives_history(&n->self.device);
        return ST_OK;
    }
    enum status st = pick(n, t->which, &g);
    if (st != ST_OK || g == NULL)
        return st == ST_OK ? ST_GROUP_NOT_HERE : st;
    st = logs_echoed(n, g->log, &echoed);
    if (st != ST_OK || !echoed)
        return st == ST_OK ? ST_GROUP_BUSY : st;
    if (t->lie == LIE_READD)
        return ask_again(n, g);
    return t->lie <= LIE_VOID ? lie_by_commit(n, g, t) : lie_by_entry(n, g, t);
}

bool world_lie(struct world *w, size_t device, enum lie lie, unsigned which)
{
    struct telling t = {lie, which};
    return world_forge(w, device, tell, &t) == ST_OK;
}
