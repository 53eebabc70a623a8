/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/leaf_node.h"

#include "protocol/mls/group_context.h"
#include "protocol/mls/limits.h"
#include "protocol/mls/proposal.h"

/* ---- decode and encode ---- */

static void capabilities_read(struct reader *r, struct capabilities *out)
{
    codes_read(r, &out->versions);
    codes_read(r, &out->cipher_suites);
    codes_read(r, &out->extensions);
    codes_read(r, &out->proposals);
    codes_read(r, &out->credentials);
}

static void capabilities_write(struct writer *w, const struct capabilities *c)
{
    codes_write(w, &c->versions);
    codes_write(w, &c->cipher_suites);
    codes_write(w, &c->extensions);
    codes_write(w, &c->proposals);
    codes_write(w, &c->credentials);
}

static void source_read(struct reader *r, struct leaf_node *n)
{
    uint8_t source = reader_u8(r);
    switch (source) {
    case LEAF_KEY_PACKAGE:
        n->lifetime.not_before = reader_u64(r);
        n->lifetime.not_after = reader_u64(r);
        break;
    case LEAF_UPDATE:
        break;
    case LEAF_COMMIT:
        n->parent_hash = reader_vec(r, MLS_HASH_MAX);
        break;
    default:
        reader_fail(r, ST_WIRE_ENUM);
        return;
    }
    n->source = (enum leaf_source)source;
}

void leaf_node_read(struct reader *r, struct leaf_node *out)
{
    struct leaf_node n = {0};
    const uint8_t *start = r->at;
    n.encryption_key = reader_vec(r, MLS_PUBLIC_KEY_MAX);
    n.signature_key = reader_vec(r, MLS_PUBLIC_KEY_MAX);
    credential_read(r, &n.credential);
    capabilities_read(r, &n.capabilities);
    source_read(r, &n);
    extensions_read(r, &n.extensions);
    n.signature = reader_vec(r, MLS_SIGNATURE_MAX);
    if (r->failed == ST_OK) {
        n.encoded = SPAN_OF(start, (size_t)(r->at - start));
        if (n.encoded.len > MLS_LEAF_MAX) {
            reader_fail(r, ST_WIRE_LIMIT);
        }
    }
    *out = r->failed == ST_OK ? n : (struct leaf_node){0};
}

enum status leaf_node_decode(struct leaf_node *out, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    leaf_node_read(&r, out);
    enum status s = reader_done(&r);
    if (s != ST_OK) {
        *out = (struct leaf_node){0};
    }
    return s;
}

/* All but the signature: the beginning of LeafNode and of LeafNodeTBS (RFC 9420 §7.2). */
static void write_body(struct writer *w, const struct leaf_node *n)
{
    writer_vec(w, n->encryption_key);
    writer_vec(w, n->signature_key);
    credential_write(w, &n->credential);
    capabilities_write(w, &n->capabilities);
    writer_u8(w, (uint8_t)n->source);
    if (n->source == LEAF_KEY_PACKAGE) {
        writer_u64(w, n->lifetime.not_before);
        writer_u64(w, n->lifetime.not_after);
    } else if (n->source == LEAF_COMMIT) {
        writer_vec(w, n->parent_hash);
    }
    extensions_write(w, &n->extensions);
}

void leaf_node_write(struct writer *w, const struct leaf_node *n)
{
    write_body(w, n);
    writer_vec(w, n->signature);
}

/* ---- signature ---- */

/* RFC 9420 §7.2: an update's or commit's leaf is signed for its place. */
static void write_place(struct writer *w, const struct leaf_node *n, const struct leaf_place *place)
{
    if (n->source == LEAF_KEY_PACKAGE) {
        return;
    }
    if (place == NULL) {
        writer_fail(w, ST_USAGE);
        return;
    }
    writer_vec(w, place->group_id);
    writer_u32(w, place->leaf);
}

enum status leaf_node_check_suite(const struct leaf_node *n)
{
    if (n->encryption_key.len != DH_LEN || n->signature_key.len != SIGN_PUBLIC_LEN) {
        return ST_MLS_KEY_LENGTH;
    }
    /* One leaf with such a key in it, and nobody could seal a path to the group. */
    return dh_public_is_weak(n->encryption_key) ? ST_CRYPTO_BAD_KEY : ST_OK;
}

enum status leaf_node_sign(const struct leaf_node *n, const struct leaf_place *place,
                           const struct sign_private *key, struct buffer *out)
{
    uint8_t signature[SIGNATURE_LEN];
    struct buffer tbs;
    struct writer w;
    buffer_init(&tbs, MLS_LEAF_MAX);
    writer_init(&w, &tbs);
    write_body(&w, n);
    size_t body_len = tbs.len;
    write_place(&w, n, place);
    enum status s = writer_done(&w);
    if (s == ST_OK) {
        s = sign_with_label(LABELS_MLS, key, span_text("LeafNodeTBS"), buffer_span(&tbs), signature);
    }
    if (s == ST_OK) {
        writer_init(&w, out);
        writer_bytes(&w, SPAN_OF(tbs.ptr, body_len));
        writer_vec(&w, SPAN(signature));
        s = writer_done(&w);
    }
    buffer_wipe(&tbs);
    return s;
}

enum status leaf_node_verify(const struct leaf_node *n, const struct leaf_place *place)
{
    struct buffer tbs;
    struct writer w;
    enum status s = leaf_node_check_suite(n);
    if (s != ST_OK) {
        return s;
    }
    buffer_init(&tbs, MLS_LEAF_MAX);
    writer_init(&w, &tbs);
    write_body(&w, n);
    write_place(&w, n, place);
    s = writer_done(&w);
    if (s == ST_OK) {
        s = verify_with_label(LABELS_MLS, n->signature_key, span_text("LeafNodeTBS"), buffer_span(&tbs),
                              n->signature);
        s = s == ST_CRYPTO_SIGNATURE ? ST_MLS_LEAF_SIGNATURE : s;
    }
    buffer_wipe(&tbs);
    return s;
}

/* ---- capabilities ---- */

bool extension_type_is_default(uint16_t type)
{
    return type >= EXTENSION_APPLICATION_ID && type <= EXTENSION_EXTERNAL_SENDERS;
}

bool proposal_type_is_default(uint16_t type)
{
    return type >= PROPOSAL_ADD && type <= PROPOSAL_EXTENSIONS;
}

bool leaf_node_supports_extension(const struct leaf_node *n, uint16_t type)
{
    return extension_type_is_default(type) || codes_have(&n->capabilities.extensions, type);
}

static bool supports_all_extensions(const struct leaf_node *n, const struct extensions *list)
{
    struct reader r;
    struct extension e;
    reader_init(&r, list->list);
    while (extensions_next(&r, &e)) {
        if (!leaf_node_supports_extension(n, e.type)) {
            return false;
        }
    }
    return true;
}

/* RFC 9420 §7.3, §11.1 */
static enum status check_required(const struct leaf_node *n, const struct extensions *group)
{
    struct required_capabilities need;
    struct span data;
    if (!extensions_find(group, EXTENSION_REQUIRED_CAPABILITIES, &data)) {
        return ST_OK;
    }
    enum status s = required_capabilities_decode(&need, data);
    if (s != ST_OK) {
        return s;
    }
    bool has = true;
    for (size_t i = 0; i < codes_count(&need.extensions); i++) {
        has = has && leaf_node_supports_extension(n, codes_at(&need.extensions, i));
    }
    for (size_t i = 0; i < codes_count(&need.proposals); i++) {
        uint16_t type = codes_at(&need.proposals, i);
        has = has && (proposal_type_is_default(type) || codes_have(&n->capabilities.proposals, type));
    }
    for (size_t i = 0; i < codes_count(&need.credentials); i++) {
        has = has && codes_have(&n->capabilities.credentials, codes_at(&need.credentials, i));
    }
    return has ? ST_OK : ST_MLS_CAPABILITIES;
}

enum status leaf_node_check(const struct leaf_node *n, const struct extensions *group)
{
    if (!codes_have(&n->capabilities.versions, MLS_VERSION_10) ||
        !codes_have(&n->capabilities.cipher_suites, SUITE_ID) ||
        !codes_have(&n->capabilities.credentials, n->credential.type) ||
        !supports_all_extensions(n, &n->extensions)) {
        return ST_MLS_CAPABILITIES;
    }
    if (group == NULL) {
        return ST_OK;
    }
    /* RFC 9420 §13.4: a client that does not support an extension of the group's context is not in it. */
    if (!supports_all_extensions(n, group)) {
        return ST_MLS_CAPABILITIES;
    }
    return check_required(n, group);
}
