/* SPDX-License-Identifier: Apache-2.0 */
/* Own leaves, key packages and context extensions: what a member says about itself and its group. */
#include <string.h>

#include "protocol/mls/group_internal.h"

enum {
    EXTENSION_LAST_RESORT = 0x000a, /* draft-ietf-mls-extensions: this key package may be used again */
    RECORD_VERSION = 1,
    RECORD_MAX = MLS_LEAF_MAX + MLS_EXTENSIONS_MAX + 128,
    PACKAGE_MAX = MLS_LEAF_MAX + MLS_EXTENSIONS_MAX
};

uint64_t seconds_floor(int64_t ms)
{
    return ms < 0 ? 0 : (uint64_t)ms / 1000;
}

uint64_t seconds_ceil(int64_t ms)
{
    return ms < 0 ? 0 : ((uint64_t)ms + 999) / 1000;
}

static void put_code(uint8_t out[static 2], uint16_t code)
{
    out[0] = (uint8_t)(code >> 8);
    out[1] = (uint8_t)code;
}

enum status group_leaf_content(const struct mls_self *self, struct leaf_storage *store, struct leaf_node *out)
{
    struct writer w;
    *out = (struct leaf_node){0};
    buffer_init(&store->extensions, MLS_CODES_MAX);
    writer_init(&w, &store->extensions);
    for (size_t i = 0; i < self->extension_count; i++) {
        writer_u16(&w, self->extensions[i]);
    }
    put_code(store->versions, MLS_VERSION_10);
    put_code(store->suites, SUITE_ID);
    put_code(store->credentials, CREDENTIAL_BASIC);
    if (writer_done(&w) != ST_OK) {
        return writer_done(&w);
    }
    out->signature_key = SPAN_OF(self->key->b + SIGN_SEED_LEN, SIGN_PUBLIC_LEN);
    out->credential = (struct credential){CREDENTIAL_BASIC, self->identity};
    out->capabilities = (struct capabilities){.versions = {SPAN(store->versions)},
                                              .cipher_suites = {SPAN(store->suites)},
                                              .extensions = {buffer_span(&store->extensions)},
                                              .credentials = {SPAN(store->credentials)}};
    return ST_OK;
}

void leaf_storage_wipe(struct leaf_storage *s)
{
    buffer_wipe(&s->extensions);
}

/* ---- extensions of a group context ---- */

static enum status write_required(const struct mls_extension_list *list, struct writer *out)
{
    struct buffer codes, data;
    struct writer w;
    buffer_init(&codes, MLS_CODES_MAX);
    buffer_init(&data, MLS_CODES_MAX + 16);
    writer_init(&w, &codes);
    for (size_t i = 0; i < list->count; i++) {
        if (!extension_type_is_default(list->items[i].type)) {
            writer_u16(&w, list->items[i].type);
        }
    }
    enum status s = writer_done(&w);
    if (s == ST_OK && codes.len > 0) {
        writer_init(&w, &data);
        required_capabilities_write(&w, &(struct required_capabilities){.extensions = {buffer_span(&codes)}});
        s = writer_done(&w);
        if (s == ST_OK) {
            extension_write(out, EXTENSION_REQUIRED_CAPABILITIES, buffer_span(&data));
        }
    }
    buffer_wipe(&codes);
    buffer_wipe(&data);
    return s;
}

enum status group_encode_extensions(const struct mls_extension_list *list, struct buffer *out)
{
    struct writer w;
    bool has_required = false;
    writer_init(&w, out);
    for (size_t i = 0; i < list->count; i++) {
        has_required |= list->items[i].type == EXTENSION_REQUIRED_CAPABILITIES;
    }
    enum status s = has_required ? ST_OK : write_required(list, &w);
    for (size_t i = 0; i < list->count; i++) {
        extension_write(&w, list->items[i].type, list->items[i].data);
    }
    return s == ST_OK ? writer_done(&w) : s;
}

/* ---- key packages ---- */

enum status key_package_record_write(struct buffer *out, const struct dh_private *init,
                                     const struct dh_private *leaf, struct span key_package)
{
    struct writer w;
    writer_init(&w, out);
    writer_u8(&w, RECORD_VERSION);
    writer_bytes(&w, SPAN_ID(init));
    writer_bytes(&w, SPAN_ID(leaf));
    writer_vec(&w, key_package);
    return writer_done(&w);
}

enum status key_package_record_read(struct key_package_record *out, struct span in)
{
    struct reader r;
    *out = (struct key_package_record){0};
    reader_init(&r, in);
    uint8_t version = reader_u8(&r);
    reader_fixed(&r, out->init.b, sizeof(out->init.b));
    reader_fixed(&r, out->leaf.b, sizeof(out->leaf.b));
    struct span package = reader_vec(&r, RECORD_MAX);
    enum status s = reader_done(&r);
    if (s == ST_OK && version != RECORD_VERSION) {
        s = ST_MLS_RECORD;
    }
    if (s == ST_OK) {
        s = key_package_decode(&out->package, package);
    }
    if (s != ST_OK) {
        dh_private_wipe(&out->init);
        dh_private_wipe(&out->leaf);
        *out = (struct key_package_record){0};
    }
    return status_class(s) == CLASS_PROTOCOL ? ST_MLS_RECORD : s;
}

struct package_keys {
    struct dh_private init, leaf;
    struct dh_public init_public, leaf_public;
};

static enum status new_keys(struct package_keys *k, struct entropy *e)
{
    struct secret seed;
    entropy_fill(e, seed.b, sizeof(seed.b));
    enum status s = dh_derive(SPAN_ID(&seed), &k->init, &k->init_public);
    if (s == ST_OK) {
        entropy_fill(e, seed.b, sizeof(seed.b));
        s = dh_derive(SPAN_ID(&seed), &k->leaf, &k->leaf_public);
    }
    secret_wipe(&seed);
    return s;
}

/* The signed leaf, then the signed KeyPackage around it. */
static enum status build_package(const struct mls_key_package_args *a, const struct package_keys *k,
                                 struct buffer *out)
{
    struct buffer leaf, extensions;
    struct leaf_storage store;
    struct key_package p = {
        .version = MLS_VERSION_10, .cipher_suite = SUITE_ID, .init_key = SPAN_ID(&k->init_public)};
    struct writer w;
    buffer_init(&leaf, MLS_LEAF_MAX);
    buffer_init(&extensions, MLS_EXTENSIONS_MAX);
    enum status s = group_leaf_content(&a->self, &store, &p.leaf);
    if (s == ST_OK && a->last_resort) {
        writer_init(&w, &store.extensions);
        writer_u16(&w, EXTENSION_LAST_RESORT);
        p.leaf.capabilities.extensions.list = buffer_span(&store.extensions);
        s = writer_done(&w);
    }
    if (s == ST_OK) {
        p.leaf.encryption_key = SPAN_ID(&k->leaf_public);
        p.leaf.source = LEAF_KEY_PACKAGE;
        p.leaf.lifetime = (struct lifetime){seconds_floor(a->not_before_ms), seconds_ceil(a->not_after_ms)};
        s = leaf_node_sign(&p.leaf, NULL, a->self.key, &leaf);
    }
    if (s == ST_OK) {
        s = leaf_node_decode(&p.leaf, buffer_span(&leaf));
    }
    if (s == ST_OK && a->last_resort) {
        writer_init(&w, &extensions);
        extension_write(&w, EXTENSION_LAST_RESORT, SPAN_EMPTY);
        p.extensions.list = buffer_span(&extensions);
        s = writer_done(&w);
    }
    if (s == ST_OK) {
        s = key_package_sign(&p, a->self.key, out);
    }
    leaf_storage_wipe(&store);
    buffer_wipe(&leaf);
    buffer_wipe(&extensions);
    return s;
}

enum status mls_key_package_new(const struct mls_key_package_args *a, struct entropy *e,
                                uint8_t ref[static HASH_LEN], struct buffer *message, struct buffer *record)
{
    struct package_keys keys;
    struct buffer package;
    struct writer w;
    buffer_init(&package, PACKAGE_MAX);
    memset(ref, 0, HASH_LEN);
    message->len = record->len = 0;
    enum status s = new_keys(&keys, e);
    if (s == ST_OK) {
        s = build_package(a, &keys, &package);
    }
    if (s == ST_OK) {
        s = key_package_record_write(record, &keys.init, &keys.leaf, buffer_span(&package));
    }
    if (s == ST_OK) {
        writer_init(&w, message);
        message_write_header(&w, WIRE_KEY_PACKAGE);
        writer_bytes(&w, buffer_span(&package));
        s = writer_done(&w);
    }
    if (s == ST_OK) {
        s = key_package_ref(buffer_span(&package), ref);
    }
    if (s != ST_OK) {
        message->len = record->len = 0;
    }
    buffer_wipe(&package);
    bytes_wipe(&keys, sizeof(keys));
    return s;
}

static enum status decode_package(struct span message, struct key_package *out)
{
    struct message m;
    enum status s = message_decode(&m, message);
    if (s == ST_OK && m.format != WIRE_KEY_PACKAGE) {
        s = ST_MLS_KEY_PACKAGE;
    }
    *out = s == ST_OK ? m.u.key_package : (struct key_package){0};
    return s;
}

enum status mls_key_package_read(struct span message, uint8_t ref[static HASH_LEN], struct span *identity,
                                 struct sign_public *key)
{
    struct key_package p;
    memset(ref, 0, HASH_LEN);
    enum status s = decode_package(message, &p);
    if (s == ST_OK) {
        s = key_package_verify(&p);
    }
    if (s == ST_OK) {
        s = key_package_ref(p.encoded, ref);
    }
    bool good = s == ST_OK;
    if (identity != NULL) {
        *identity =
            good && p.leaf.credential.type == CREDENTIAL_BASIC ? p.leaf.credential.identity : SPAN_EMPTY;
    }
    if (key != NULL) {
        *key = (struct sign_public){0};
    }
    if (key != NULL && good) {
        memcpy(key->b, p.leaf.signature_key.ptr, SIGN_PUBLIC_LEN);
    }
    return s;
}

static bool key_fits(const struct dh_private *private, struct span public_key)
{
    struct dh_public mine;
    dh_public_of(private, &mine);
    return span_equal(SPAN_ID(&mine), public_key);
}

enum status mls_key_package_import(struct span message, const struct dh_private *init,
                                   const struct dh_private *leaf, struct buffer *record)
{
    struct key_package p;
    record->len = 0;
    enum status s = decode_package(message, &p);
    if (s != ST_OK) {
        return s;
    }
    if (!key_fits(init, p.init_key) || !key_fits(leaf, p.leaf.encryption_key)) {
        return ST_MLS_KEY_MISMATCH;
    }
    return key_package_record_write(record, init, leaf, p.encoded);
}
