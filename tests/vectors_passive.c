/* SPDX-License-Identifier: Apache-2.0 */
/* mlswg vectors of a member who only follows: passive-client-welcome, -handling-commit and -random. */
#include <string.h>

#include "protocol/mls/group.h"
#include "protocol/mls/limits.h"
#include "protocol/mls/message.h"
#include "tests/vectors_case.h"

struct passive {
    struct vec_case *c;
    struct mls_group *group;
    struct mls_psk psks[64];
    struct mls_psk_list psk_list;
};

static void load_psks(struct passive *p)
{
    const json_t *list = vec_array(p->c, p->c->one, "external_psks");
    size_t count = json_array_size(list);
    vec_true(p->c, "too many PSKs", count <= sizeof(p->psks) / sizeof(p->psks[0]));
    for (size_t i = 0; i < count && vec_going(p->c); i++) {
        const json_t *o = json_array_get(list, i);
        p->psks[i] = (struct mls_psk){vec_bytes(p->c, o, "psk_id"), vec_bytes(p->c, o, "psk")};
    }
    p->psk_list = (struct mls_psk_list){p->psks, count};
}

static void get_dh_private(struct vec_case *c, const char *key, struct span public_key,
                           struct dh_private *out)
{
    struct dh_public public;
    vec_fixed(c, c->one, key, out->b, sizeof(out->b));
    dh_public_of(out, &public);
    vec_equal(c, key, SPAN_ID(&public), public_key);
}

/* The record of the key package, whose private keys must belong to it. */
static struct span import_key_package(struct vec_case *c)
{
    struct message m;
    struct span encoded = vec_bytes(c, c->one, "key_package");
    struct buffer *record = vec_buffer(c);
    struct sign_private signer;
    struct dh_private init, leaf;
    vec_message_again(c, encoded, &m);
    vec_true(c, "not a key package", m.format == WIRE_KEY_PACKAGE);
    if (!vec_going(c))
        return SPAN_EMPTY;
    const struct key_package *kp = &m.u.key_package;
    vec_sign_key(c, vec_bytes(c, c->one, "signature_priv"), kp->leaf.signature_key, &signer);
    get_dh_private(c, "init_priv", kp->init_key, &init);
    get_dh_private(c, "encryption_priv", kp->leaf.encryption_key, &leaf);
    vec_ok(c, "the key package", mls_key_package_import(encoded, &init, &leaf, record));
    return buffer_span(record);
}

static void check_authenticator(struct passive *p, const json_t *from, const char *key)
{
    uint8_t got[HASH_LEN] = {0};
    if (p->group)
        mls_group_authenticator(p->group, got);
    vec_expect(p->c, from, key, SPAN(got));
}

static void join(struct passive *p)
{
    struct vec_case *c = p->c;
    struct message m;
    struct mls_join_args a = {.welcome = vec_bytes(c, c->one, "welcome"), .psks = p->psk_list};
    const json_t *tree = json_object_get(c->one, "ratchet_tree"); /* null or absent: it is in the Welcome */
    if (tree && !json_is_null(tree))
        a.ratchet_tree = vec_bytes_of(c, tree, "ratchet_tree");
    a.key_package_record = import_key_package(c);
    vec_message_again(c, a.welcome, &m);
    if (vec_going(c))
        vec_ok(c, "joining", mls_group_join(&p->group, &a));
    check_authenticator(p, c->one, "initial_epoch_authenticator");
}

static void receive(struct passive *p, struct span message, enum mls_received_kind kind,
                    struct mls_received *r)
{
    struct message m;
    vec_message_again(p->c, message, &m);
    memset(r, 0, sizeof(*r));
    if (!vec_going(p->c))
        return;
    vec_ok(p->c, kind == MLS_RECEIVED_COMMIT ? "a commit" : "a proposal",
           mls_group_receive(p->group, message, r));
    vec_true(p->c, "kind of a message", r->kind == kind);
}

static void follow_commit(struct passive *p, const json_t *epoch)
{
    struct mls_received r;
    receive(p, vec_bytes(p->c, epoch, "commit"), MLS_RECEIVED_COMMIT, &r);
    if (vec_going(p->c))
        vec_ok(p->c, "opening a commit", mls_staged_open(p->group, r.staged, &p->psk_list));
    if (vec_going(p->c)) {
        mls_group_merge(p->group, r.staged);
        r.staged = NULL;
    }
    mls_received_wipe(&r);
    check_authenticator(p, epoch, "epoch_authenticator");
}

static void follow_epoch(struct passive *p, const json_t *epoch)
{
    const json_t *proposals = vec_array(p->c, epoch, "proposals");
    for (size_t i = 0; i < json_array_size(proposals) && vec_going(p->c); i++) {
        struct mls_received r;
        struct span message = vec_bytes_of(p->c, json_array_get(proposals, i), "a proposal");
        receive(p, message, MLS_RECEIVED_PROPOSAL, &r);
        mls_received_wipe(&r);
    }
    if (vec_going(p->c))
        follow_commit(p, epoch);
}

static void run_passive(struct vec_case *c)
{
    struct passive p = {.c = c};
    const json_t *epochs = vec_array(c, c->one, "epochs");
    load_psks(&p);
    if (vec_going(c))
        join(&p);
    for (size_t i = 0; i < json_array_size(epochs) && vec_going(c); i++)
        follow_epoch(&p, json_array_get(epochs, i));
    mls_group_free(p.group);
}

/* X25519 masks bits of its keys; a PSK that is not used may be anything. */
static const char *const loose[] = {"encryption_priv", "init_priv", "psk", "psk_id", NULL};
static const char *const optional[] = {"ratchet_tree", NULL};

const struct vec_kind vec_passive_welcome = {.name = "passive-client-welcome",
                                             .marker = "initial_epoch_authenticator",
                                             .has_suite = true,
                                             .run = run_passive,
                                             .loose = loose,
                                             .optional = optional};
const struct vec_kind vec_passive_commit = {.name = "passive-client-handling-commit",
                                            .marker = "initial_epoch_authenticator",
                                            .has_suite = true,
                                            .run = run_passive,
                                            .loose = loose,
                                            .optional = optional};
const struct vec_kind vec_passive_random = {.name = "passive-client-random",
                                            .marker = "initial_epoch_authenticator",
                                            .has_suite = true,
                                            .run = run_passive,
                                            .loose = loose,
                                            .optional = optional};
