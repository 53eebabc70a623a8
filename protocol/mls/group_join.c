/* SPDX-License-Identifier: Apache-2.0 */
/* How a group begins for a member: by founding it, or by a Welcome. */
#include <string.h>

#include "protocol/mls/group_internal.h"
#include "protocol/mls/psk_lookup.h"
#include "protocol/mls/tree_hash.h"

enum { SECRETS_PLAIN_MAX = 65536, INFO_PLAIN_MAX = MLS_MESSAGE_MAX };

/* ---- founding (RFC 9420 §11) ---- */

static enum status found_leaf(struct epoch *first, const struct mls_create_args *a, struct entropy *e)
{
    struct leaf_storage store;
    struct leaf_node n;
    struct secret seed;
    struct dh_private private = {0};
    struct dh_public public;
    struct buffer leaf;
    buffer_init(&leaf, MLS_LEAF_MAX);
    entropy_fill(e, seed.b, sizeof(seed.b));
    enum status s = group_leaf_content(&a->self, &store, &n);
    if (s == ST_OK) {
        s = dh_derive(SPAN_ID(&seed), &private, &public);
    }
    if (s == ST_OK) {
        n.encryption_key = SPAN_ID(&public);
        n.source = LEAF_KEY_PACKAGE;
        n.lifetime = (struct lifetime){seconds_floor(a->not_before_ms), seconds_ceil(a->not_after_ms)};
        s = leaf_node_sign(&n, NULL, a->self.key, &leaf);
    }
    if (s == ST_OK) {
        s = ratchet_tree_put_leaf(&first->tree, 0, buffer_span(&leaf));
    }
    if (s == ST_OK) {
        treekem_keys_init(&first->keys, 0, &private);
    }
    secret_wipe(&seed);
    dh_private_wipe(&private);
    leaf_storage_wipe(&store);
    buffer_wipe(&leaf);
    return s;
}

static enum status found_context(struct epoch *first, const struct mls_create_args *a)
{
    struct buffer extensions;
    uint8_t tree_hash[HASH_LEN];
    buffer_init(&extensions, MLS_EXTENSIONS_MAX);
    enum status s = group_encode_extensions(&a->extensions, &extensions);
    if (s == ST_OK) {
        tree_hash_root(&first->tree, tree_hash);
        const struct group_context c = {.version = MLS_VERSION_10,
                                        .cipher_suite = SUITE_ID,
                                        .group_id = a->group_id,
                                        .tree_hash = SPAN(tree_hash),
                                        .extensions = {buffer_span(&extensions)}};
        s = epoch_set_context(first, &c);
    }
    if (s == ST_OK) {
        s = tree_validate_capabilities(&first->tree, &first->context.extensions);
    }
    buffer_wipe(&extensions);
    return s;
}

enum status mls_group_create(struct mls_group **out, const struct mls_create_args *a, struct entropy *e)
{
    struct epoch *first;
    struct secret joiner;
    const struct secret no_psk = {0};
    *out = NULL;
    enum status s = epoch_new(&first);
    if (s != ST_OK) {
        return s;
    }
    s = found_leaf(first, a, e);
    if (s == ST_OK) {
        s = found_context(first, a);
    }
    if (s == ST_OK) { /* §11 asks for a random epoch_secret: it is one when what it is derived from is */
        entropy_fill(e, joiner.b, sizeof(joiner.b));
        s = epoch_derive(first, &joiner, &no_psk);
        secret_wipe(&joiner);
    }
    if (s != ST_OK) {
        epoch_free(first);
        return s;
    }
    epoch_forget_encryption(first);
    return group_new(out, first);
}

/* ---- joining (RFC 9420 §12.4.3.1) ---- */

struct join { /* what a join works on; the spans borrow from the buffers and the arguments */
    struct key_package_record own;
    struct welcome welcome;
    struct buffer secrets_plain, info_plain;
    struct group_secrets secrets;
    struct group_info info;
    struct secret joiner, psk_secret;
};

static void join_wipe(struct join *j)
{
    buffer_wipe(&j->secrets_plain);
    buffer_wipe(&j->info_plain);
    bytes_wipe(j, sizeof(*j));
}

static enum status decode_welcome(struct span message, struct welcome *out)
{
    struct message m;
    enum status s = message_decode(&m, message);
    if (s == ST_OK && m.format != WIRE_WELCOME) {
        s = ST_MLS_WELCOME;
    }
    *out = s == ST_OK ? m.u.welcome : (struct welcome){0};
    return s;
}

bool mls_welcome_names(struct span welcome, const uint8_t ref[static HASH_LEN])
{
    struct welcome w;
    struct hpke_ciphertext found;
    return decode_welcome(welcome, &w) == ST_OK && welcome_find(&w, ref, &found) == ST_OK;
}

static enum status open_secrets(struct join *j)
{
    uint8_t ref[HASH_LEN];
    struct hpke_ciphertext mine;
    enum status s = key_package_ref(j->own.package.encoded, ref);
    if (s == ST_OK) {
        s = welcome_find(&j->welcome, ref, &mine);
    }
    if (s == ST_OK) {
        s = welcome_open_secrets(&j->welcome, &mine, &j->own.init, &j->secrets_plain, &j->secrets);
    }
    if (s == ST_OK) {
        memcpy(j->joiner.b, j->secrets.joiner_secret.ptr, SECRET_LEN);
    }
    return s;
}

static enum status open_info(struct join *j, const struct mls_psk_list *psks)
{
    const struct psk_sources sources = {psks, NULL};
    enum status s = psk_lookup(j->secrets.psks, &sources, &j->psk_secret);
    if (s == ST_OK) {
        s = welcome_open_info(&j->welcome, &j->joiner, &j->psk_secret, &j->info_plain, &j->info);
    }
    if (s == ST_OK &&
        (j->info.context.version != MLS_VERSION_10 || j->info.context.cipher_suite != SUITE_ID)) {
        s = ST_MLS_SUITE;
    }
    return s;
}

static enum status join_tree(const struct join *j, struct span apart, struct epoch *first)
{
    struct span encoded = apart;
    if (encoded.len == 0 && !extensions_find(&j->info.extensions, EXTENSION_RATCHET_TREE, &encoded)) {
        return ST_MLS_TREE_MISSING;
    }
    enum status s = ratchet_tree_decode(&first->tree, encoded);
    if (s != ST_OK) {
        return s;
    }
    const struct leaf_node *signer = ratchet_tree_leaf(&first->tree, j->info.signer);
    if (signer == NULL) {
        return ST_MLS_NOT_A_MEMBER;
    }
    s = group_info_verify(&j->info, signer->signature_key);
    if (s != ST_OK) {
        return s;
    }
    const struct tree_context c = {j->info.context.group_id, &j->info.context.extensions};
    return tree_validate(&first->tree, &c, j->info.context.tree_hash);
}

/* The leaf that is identical to the one in our KeyPackage. */
static enum status find_own_leaf(const struct join *j, const struct ratchet_tree *t, uint32_t *leaf)
{
    for (uint32_t i = 0; i < t->leaf_count; i++) {
        const struct leaf_node *n = ratchet_tree_leaf(t, i);
        if (n != NULL && span_equal(n->encoded, j->own.package.leaf.encoded)) {
            *leaf = i;
            return ST_OK;
        }
    }
    return ST_MLS_WELCOME;
}

static enum status join_keys(const struct join *j, struct epoch *first)
{
    uint32_t leaf = 0;
    struct secret path_secret;
    enum status s = find_own_leaf(j, &first->tree, &leaf);
    if (s != ST_OK) {
        return s;
    }
    treekem_keys_init(&first->keys, leaf, &j->own.leaf);
    s = treekem_keys_check(&first->keys, &first->tree);
    if (s == ST_OK && j->secrets.has_path_secret) {
        memcpy(path_secret.b, j->secrets.path_secret.ptr, SECRET_LEN);
        s = treekem_join(&first->tree, &first->keys, j->info.signer, &path_secret);
        secret_wipe(&path_secret);
    }
    return s;
}

static enum status join_schedule(const struct join *j, struct epoch *first)
{
    enum status s = epoch_set_context(first, &j->info.context);
    if (s == ST_OK) {
        s = epoch_derive(first, &j->joiner, &j->psk_secret);
    }
    if (s == ST_OK && !bytes_equal_secret(SPAN(first->confirmation_tag), j->info.confirmation_tag)) {
        s = ST_MLS_PRIVATE_TAG;
    }
    epoch_forget_encryption(first);
    return s;
}

enum status mls_group_join(struct mls_group **out, const struct mls_join_args *a)
{
    struct join j = {0};
    struct epoch *first = NULL;
    *out = NULL;
    buffer_init(&j.secrets_plain, SECRETS_PLAIN_MAX);
    buffer_init(&j.info_plain, INFO_PLAIN_MAX);
    enum status s = key_package_record_read(&j.own, a->key_package_record);
    if (s == ST_OK) {
        s = decode_welcome(a->welcome, &j.welcome);
    }
    if (s == ST_OK) {
        s = open_secrets(&j);
    }
    if (s == ST_OK) {
        s = open_info(&j, &a->psks);
    }
    if (s == ST_OK) {
        s = epoch_new(&first);
    }
    if (s == ST_OK) {
        s = join_tree(&j, a->ratchet_tree, first);
    }
    if (s == ST_OK) {
        s = join_keys(&j, first);
    }
    if (s == ST_OK) {
        s = join_schedule(&j, first);
    }
    if (s == ST_OK) {
        s = group_new(out, first);
    } else {
        epoch_free(first);
    }
    join_wipe(&j);
    return s;
}
