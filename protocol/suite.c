/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/suite.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static_assert(HASH_LEN == crypto_hash_sha256_BYTES, "SHA-256");
static_assert(HASH_LEN == crypto_auth_hmacsha256_BYTES, "HMAC-SHA-256");
static_assert(SECRET_LEN == HASH_LEN, "KDF.Nh");
static_assert(DH_LEN == crypto_scalarmult_curve25519_BYTES, "X25519");
static_assert(SIGN_PUBLIC_LEN == crypto_sign_ed25519_PUBLICKEYBYTES, "Ed25519");
static_assert(SIGN_SEED_LEN == crypto_sign_ed25519_SEEDBYTES, "Ed25519");
static_assert(SIGNATURE_LEN == crypto_sign_ed25519_BYTES, "Ed25519");
static_assert(sizeof(struct sign_private) == crypto_sign_ed25519_SECRETKEYBYTES, "Ed25519");
static_assert(AEAD_KEY_LEN == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "ChaCha20-Poly1305");
static_assert(AEAD_NONCE_LEN == crypto_aead_chacha20poly1305_ietf_NPUBBYTES, "ChaCha20-Poly1305");
static_assert(AEAD_TAG_LEN == crypto_aead_chacha20poly1305_ietf_ABYTES, "ChaCha20-Poly1305");
static_assert(AEAD_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "XChaCha20-Poly1305");
static_assert(XAEAD_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "XChaCha20-Poly1305");
static_assert(AEAD_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "XChaCha20-Poly1305");

enum status suite_start(void)
{
    return sodium_init() < 0 ? ST_INTERNAL : ST_OK;
}

void bytes_wipe(void *p, size_t len)
{
    if (len > 0)
        sodium_memzero(p, len);
}

void secret_wipe(struct secret *s)
{
    bytes_wipe(s, sizeof(*s));
}

void sign_private_wipe(struct sign_private *k)
{
    bytes_wipe(k, sizeof(*k));
}

void dh_private_wipe(struct dh_private *k)
{
    bytes_wipe(k, sizeof(*k));
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
    return sodium_memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool bytes_equal_secret(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ---- hash and key derivation ---- */

void hash_bytes(struct span in, uint8_t out[static HASH_LEN])
{
    hash_parts(&in, 1, out);
}

void hash_parts(const struct span *parts, size_t count, uint8_t out[static HASH_LEN])
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            crypto_hash_sha256_update(&state, parts[i].ptr, parts[i].len);
    }
    crypto_hash_sha256_final(&state, out);
    bytes_wipe(&state, sizeof(state));
}

static void hmac_update(crypto_auth_hmacsha256_state *state, const struct span *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            crypto_auth_hmacsha256_update(state, parts[i].ptr, parts[i].len);
    }
}

static void hmac_parts(struct span key, const struct span *parts, size_t count, uint8_t out[static HASH_LEN])
{
    static const uint8_t no_key[1];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key.len > 0 ? key.ptr : no_key, key.len);
    hmac_update(&state, parts, count);
    crypto_auth_hmacsha256_final(&state, out);
    bytes_wipe(&state, sizeof(state));
}

void hmac_bytes(struct span key, struct span in, uint8_t out[static HASH_LEN])
{
    hmac_parts(key, &in, 1, out);
}

void hkdf_extract_parts(struct span salt, const struct span *parts, size_t count, struct secret *out)
{
    hmac_parts(salt, parts, count, out->b); /* RFC 5869 §2.2 */
}

void hkdf_extract(struct span salt, struct span ikm, struct secret *out)
{
    hkdf_extract_parts(salt, &ikm, 1, out);
}

/* RFC 5869 §2.3. The keyed state is made once: each further block costs one pass over the key less. */
enum status hkdf_expand_parts(struct span prk, const struct span *parts, size_t count, uint8_t *out,
                              size_t out_len)
{
    if (out_len > HKDF_OUT_MAX)
        return ST_CRYPTO_LENGTH;
    static const uint8_t no_key[1];
    crypto_auth_hmacsha256_state keyed, state;
    uint8_t block[HASH_LEN], n = 0;
    crypto_auth_hmacsha256_init(&keyed, prk.len > 0 ? prk.ptr : no_key, prk.len);
    for (size_t done = 0; done < out_len;) {
        state = keyed;
        if (n > 0)
            crypto_auth_hmacsha256_update(&state, block, sizeof(block));
        hmac_update(&state, parts, count);
        n++;
        crypto_auth_hmacsha256_update(&state, &n, 1);
        crypto_auth_hmacsha256_final(&state, block);
        size_t len = out_len - done < sizeof(block) ? out_len - done : sizeof(block);
        memcpy(out + done, block, len);
        done += len;
    }
    bytes_wipe(&keyed, sizeof(keyed));
    bytes_wipe(&state, sizeof(state));
    bytes_wipe(block, sizeof(block));
    return ST_OK;
}

enum status hkdf_expand(struct span prk, struct span info, uint8_t *out, size_t out_len)
{
    return hkdf_expand_parts(prk, &info, 1, out, out_len);
}

static struct span label_prefix(enum label_space space)
{
    return span_text(space == LABELS_MLS ? "MLS 1.0 " : "Kith 1 ");
}

/* struct { uint16 length; opaque label<V>; opaque context<V>; } KDFLabel (RFC 9420 §8), without a copy: this
 * is the innermost step of every key schedule. */
enum status expand_with_label(enum label_space space, struct span secret, struct span label,
                              struct span context, uint8_t *out, size_t out_len)
{
    struct span prefix = label_prefix(space);
    if (out_len > HKDF_OUT_MAX || label.len > VEC_LEN_MAX - prefix.len || context.len > VEC_LEN_MAX) {
        bytes_wipe(out, out_len);
        return ST_CRYPTO_LENGTH;
    }
    uint8_t length[2] = {(uint8_t)(out_len >> 8), (uint8_t)out_len};
    uint8_t label_len[VEC_PREFIX_MAX], context_len[VEC_PREFIX_MAX];
    const struct span parts[] = {
        SPAN(length), SPAN_OF(label_len, vec_prefix(label_len, prefix.len + label.len)), prefix,
        label,        SPAN_OF(context_len, vec_prefix(context_len, context.len)),        context,
    };
    return hkdf_expand_parts(secret, parts, sizeof(parts) / sizeof(parts[0]), out, out_len);
}

enum status derive_secret(enum label_space space, struct span secret, const char *label, struct secret *out)
{
    return expand_with_label(space, secret, span_text(label), SPAN_EMPTY, out->b, sizeof(out->b));
}

enum status derive_tree_secret(struct span secret, const char *label, uint32_t generation, uint8_t *out,
                               size_t out_len)
{
    const uint8_t context[4] = {(uint8_t)(generation >> 24), (uint8_t)(generation >> 16),
                                (uint8_t)(generation >> 8), (uint8_t)generation};
    return expand_with_label(LABELS_MLS, secret, span_text(label), SPAN(context), out, out_len);
}

/* struct { opaque label<V>; opaque value<V>; } RefHashInput */
enum status ref_hash(const char *label, struct span value, uint8_t out[static HASH_LEN])
{
    struct span text = span_text(label);
    if (text.len > VEC_LEN_MAX || value.len > VEC_LEN_MAX) {
        bytes_wipe(out, HASH_LEN);
        return ST_CRYPTO_LENGTH;
    }
    uint8_t label_len[VEC_PREFIX_MAX], value_len[VEC_PREFIX_MAX];
    const struct span parts[] = {
        SPAN_OF(label_len, vec_prefix(label_len, text.len)),
        text,
        SPAN_OF(value_len, vec_prefix(value_len, value.len)),
        value,
    };
    hash_parts(parts, sizeof(parts) / sizeof(parts[0]), out);
    return ST_OK;
}

enum status labeled_content(enum label_space space, struct span label, struct span content,
                            struct buffer *out)
{
    buffer_init(out, SIZE_MAX);
    struct writer w;
    writer_init(&w, out);
    size_t mark = writer_open(&w);
    writer_bytes(&w, label_prefix(space));
    writer_bytes(&w, label);
    writer_close(&w, mark);
    writer_vec(&w, content);
    return writer_done(&w);
}

/* ---- signatures ---- */

void sign_keypair_from_seed(const uint8_t seed[static SIGN_SEED_LEN], struct sign_private *private,
                            struct sign_public *public)
{
    crypto_sign_ed25519_seed_keypair(public->b, private->b, seed);
}

void sign_keypair(struct entropy *e, struct sign_private *private, struct sign_public *public)
{
    uint8_t seed[SIGN_SEED_LEN];
    entropy_fill(e, seed, sizeof(seed));
    sign_keypair_from_seed(seed, private, public);
    bytes_wipe(seed, sizeof(seed));
}

enum status sign_with_label(enum label_space space, const struct sign_private *key, struct span label,
                            struct span content, uint8_t out[static SIGNATURE_LEN])
{
    struct buffer message;
    enum status st = labeled_content(space, label, content, &message);
    if (st == ST_OK)
        crypto_sign_ed25519_detached(out, NULL, message.ptr, message.len, key->b);
    else
        bytes_wipe(out, SIGNATURE_LEN);
    buffer_wipe(&message);
    return st;
}

enum status verify_with_label(enum label_space space, struct span public_key, struct span label,
                              struct span content, struct span signature)
{
    struct buffer message;
    enum status st = labeled_content(space, label, content, &message);
    if (st == ST_OK)
        st = verify_bytes(public_key, buffer_span(&message), signature);
    buffer_wipe(&message);
    return st;
}

enum status verify_bytes(struct span public_key, struct span message, struct span signature)
{
    if (public_key.len != SIGN_PUBLIC_LEN || signature.len != SIGNATURE_LEN)
        return ST_CRYPTO_SIGNATURE;
    int bad = crypto_sign_ed25519_verify_detached(signature.ptr, message.ptr, message.len, public_key.ptr);
    return bad ? ST_CRYPTO_SIGNATURE : ST_OK;
}

/* ---- X25519 ---- */

enum status dh_derive(struct span ikm, struct dh_private *private, struct dh_public *public)
{
    static const uint8_t suite_id[5] = {'K', 'E', 'M', 0x00, 0x20};
    static const uint8_t length[2] = {0, DH_LEN};
    const struct span extract[] = {span_text("HPKE-v1"), SPAN(suite_id), span_text("dkp_prk"), ikm};
    const struct span expand[] = {SPAN(length), span_text("HPKE-v1"), SPAN(suite_id), span_text("sk")};
    struct secret prk;
    hkdf_extract_parts(SPAN_EMPTY, extract, 4, &prk);
    enum status st = hkdf_expand_parts(SPAN_ID(&prk), expand, 4, private->b, sizeof(private->b));
    secret_wipe(&prk);
    dh_public_of(private, public);
    return st;
}

void dh_public_of(const struct dh_private *private, struct dh_public *public)
{
    crypto_scalarmult_curve25519_base(public->b, private->b);
}

enum status dh_agree(const struct dh_private *mine, const struct dh_public *theirs, struct secret *out)
{
    if (crypto_scalarmult_curve25519(out->b, mine->b, theirs->b) != 0) { /* RFC 7748 §6.1 */
        secret_wipe(out);
        return ST_CRYPTO_BAD_KEY;
    }
    return ST_OK;
}

/* The points of small order on the curve and its twist, in all their encodings; the top bit does not count
 * (RFC 7748 §5). */
bool dh_public_is_weak(struct span key)
{
    static const uint8_t weak[][DH_LEN] = {
        {0},
        {1},
        {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
         0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
        {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
         0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    };
    if (key.len != DH_LEN)
        return true;
    bool found = false;
    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        bool same = memcmp(key.ptr, weak[i], DH_LEN - 1) == 0;
        found = found || (same && (key.ptr[DH_LEN - 1] & 0x7f) == weak[i][DH_LEN - 1]);
    }
    return found;
}

/* ---- AEAD ---- */

enum status aead_seal(const uint8_t key[static AEAD_KEY_LEN], const uint8_t nonce[static AEAD_NONCE_LEN],
                      struct span aad, struct span plaintext, uint8_t *out)
{
    if (plaintext.len > crypto_aead_chacha20poly1305_ietf_MESSAGEBYTES_MAX)
        return ST_CRYPTO_LENGTH;
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plaintext.ptr, plaintext.len, aad.ptr, aad.len, NULL,
                                              nonce, key);
    return ST_OK;
}

enum status aead_open(const uint8_t key[static AEAD_KEY_LEN], const uint8_t nonce[static AEAD_NONCE_LEN],
                      struct span aad, struct span ciphertext, uint8_t *out)
{
    if (ciphertext.len < AEAD_TAG_LEN)
        return ST_CRYPTO_OPEN;
    int bad = crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, ciphertext.ptr, ciphertext.len,
                                                        aad.ptr, aad.len, nonce, key);
    return bad ? ST_CRYPTO_OPEN : ST_OK;
}

enum status xaead_seal(const uint8_t key[static AEAD_KEY_LEN], const uint8_t nonce[static XAEAD_NONCE_LEN],
                       struct span aad, struct span plaintext, uint8_t *out)
{
    if (plaintext.len > crypto_aead_xchacha20poly1305_ietf_MESSAGEBYTES_MAX)
        return ST_CRYPTO_LENGTH;
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plaintext.ptr, plaintext.len, aad.ptr, aad.len,
                                               NULL, nonce, key);
    return ST_OK;
}

enum status xaead_open(const uint8_t key[static AEAD_KEY_LEN], const uint8_t nonce[static XAEAD_NONCE_LEN],
                       struct span aad, struct span ciphertext, uint8_t *out)
{
    if (ciphertext.len < AEAD_TAG_LEN)
        return ST_CRYPTO_OPEN;
    int bad = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, ciphertext.ptr, ciphertext.len,
                                                         aad.ptr, aad.len, nonce, key);
    return bad ? ST_CRYPTO_OPEN : ST_OK;
}
