/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/key_package.h"

#include "protocol/mls/group_context.h"
#include "protocol/mls/limits.h"

enum { PACKAGE_MAX = MLS_LEAF_MAX + MLS_EXTENSIONS_MAX };

void key_package_read(struct reader *r, struct key_package *out)
{
    struct key_package p = {0};
    const uint8_t *start = r->at;
    p.version = reader_u16(r);
    p.cipher_suite = reader_u16(r);
    p.init_key = reader_vec(r, MLS_PUBLIC_KEY_MAX);
    leaf_node_read(r, &p.leaf);
    extensions_read(r, &p.extensions);
    p.signature = reader_vec(r, MLS_SIGNATURE_MAX);
    if (r->failed == ST_OK) {
        p.encoded = SPAN_OF(start, (size_t)(r->at - start));
    }
    *out = r->failed == ST_OK ? p : (struct key_package){0};
}

enum status key_package_decode(struct key_package *out, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    key_package_read(&r, out);
    enum status s = reader_done(&r);
    if (s != ST_OK) {
        *out = (struct key_package){0};
    }
    return s;
}

/* KeyPackageTBS (RFC 9420 §10). `leaf` is the encoded leaf. */
static void write_body(struct writer *w, const struct key_package *p)
{
    writer_u16(w, p->version);
    writer_u16(w, p->cipher_suite);
    writer_vec(w, p->init_key);
    leaf_node_write(w, &p->leaf);
    extensions_write(w, &p->extensions);
}

void key_package_write(struct writer *w, const struct key_package *p)
{
    write_body(w, p);
    writer_vec(w, p->signature);
}

enum status key_package_sign(const struct key_package *p, const struct sign_private *key, struct buffer *out)
{
    uint8_t signature[SIGNATURE_LEN];
    struct buffer tbs;
    struct writer w;
    buffer_init(&tbs, PACKAGE_MAX);
    writer_init(&w, &tbs);
    write_body(&w, p);
    enum status s = writer_done(&w);
    if (s == ST_OK) {
        s = sign_with_label(LABELS_MLS, key, span_text("KeyPackageTBS"), buffer_span(&tbs), signature);
    }
    if (s == ST_OK) {
        writer_init(&w, out);
        writer_bytes(&w, buffer_span(&tbs));
        writer_vec(&w, SPAN(signature));
        s = writer_done(&w);
    }
    buffer_wipe(&tbs);
    return s;
}

static enum status verify_signature(const struct key_package *p)
{
    struct buffer tbs;
    struct writer w;
    buffer_init(&tbs, PACKAGE_MAX);
    writer_init(&w, &tbs);
    write_body(&w, p);
    enum status s = writer_done(&w);
    if (s == ST_OK) {
        s = verify_with_label(LABELS_MLS, p->leaf.signature_key, span_text("KeyPackageTBS"),
                              buffer_span(&tbs), p->signature);
        s = s == ST_CRYPTO_SIGNATURE ? ST_MLS_KEY_PACKAGE : s;
    }
    buffer_wipe(&tbs);
    return s;
}

/* RFC 9420 §10.1 */
enum status key_package_verify(const struct key_package *p)
{
    if (p->version != MLS_VERSION_10 || p->cipher_suite != SUITE_ID) {
        return ST_MLS_SUITE;
    }
    if (p->leaf.source != LEAF_KEY_PACKAGE) {
        return ST_MLS_LEAF_SOURCE;
    }
    if (p->init_key.len != DH_LEN) {
        return ST_MLS_KEY_LENGTH;
    }
    if (dh_public_is_weak(p->init_key)) {
        return ST_CRYPTO_BAD_KEY;
    }
    if (span_equal(p->init_key, p->leaf.encryption_key)) {
        return ST_MLS_KEY_PACKAGE;
    }
    enum status s = leaf_node_check(&p->leaf, NULL);
    if (s == ST_OK) {
        s = leaf_node_verify(&p->leaf, NULL);
    }
    return s == ST_OK ? verify_signature(p) : s;
}

enum status key_package_check_lifetime(const struct key_package *p, int64_t now_ms)
{
    uint64_t now_s = now_ms < 0 ? 0 : (uint64_t)now_ms / 1000;
    bool good = p->leaf.lifetime.not_before <= now_s && now_s <= p->leaf.lifetime.not_after;
    return good ? ST_OK : ST_MLS_LIFETIME;
}

enum status key_package_ref(struct span encoded, uint8_t out[static HASH_LEN])
{
    return ref_hash("MLS 1.0 KeyPackage Reference", encoded, out);
}
