/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/floor.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 40, LONG = 1 << 18 };

static uint8_t key[crypto_sign_SECRETKEYBYTES], public[crypto_sign_PUBLICKEYBYTES], point[32], scalar[32];
static uint8_t text[LONG], sealed[LONG + 16], out[32], nonce[12], signature[64];
static int failures; /* uses the results, so that nothing is optimised away */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void prepare(void)
{
    static const uint8_t seed[32] = {1};
    crypto_sign_seed_keypair(public, key, seed);
    memset(scalar, 3, sizeof(scalar));
    failures += crypto_scalarmult_base(point, seed);
}

/* How long each of `calls` messages is that have `bytes` together. */
static size_t share(double bytes, double calls)
{
    size_t len = calls > 0 ? (size_t)(bytes / calls) : 0;
    return len < LONG ? len : LONG;
}

double floor_run(const struct floor_ops *o)
{
    /* to sign first what is verified */
    size_t signed_len = share(o->sign_bytes, o->sign), verified_len = share(o->verify_bytes, o->verify);
    size_t hashed_len = share(o->hash_blocks * 64, o->hash), aead_len = share(o->aead_bytes, o->aead);
    prepare();
    failures += crypto_sign_detached(signature, NULL, text, verified_len, key);
    double start = now_us();
    for (double i = 0; i < o->base; i++)
        failures += crypto_scalarmult_base(out, scalar);
    for (double i = 0; i < o->mult; i++)
        failures += crypto_scalarmult(out, scalar, point);
    for (double i = 0; i < o->verify; i++)
        failures += crypto_sign_verify_detached(signature, text, verified_len, public);
    for (double i = 0; i < o->sign; i++)
        failures += crypto_sign_detached(signature, NULL, text, signed_len, key);
    for (double i = 0; i < o->hash; i++) /* 9 bytes of each message's last block are its end mark */
        failures += crypto_hash_sha256(out, text, hashed_len > 9 ? hashed_len - 9 : 0);
    for (double i = 0; i < o->aead; i++)
        failures += crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, text, aead_len, NULL, 0, NULL,
                                                              nonce, key);
    double took = now_us() - start;
    if (failures != 0)
        printf("libsodium failed %d times\n", failures);
    return took;
}

/* The least time of one of `calls` operations. */
static double least(struct floor_ops o, double calls)
{
    double best = 1e12;
    for (int round = 0; round < ROUNDS; round++) {
        double took = floor_run(&o) / calls;
        best = took < best ? took : best;
    }
    return best;
}

void floor_print_primitives(void)
{
    printf("x25519_base %.2f us\n", least((struct floor_ops){.base = 5}, 5));
    printf("x25519 %.2f us\n", least((struct floor_ops){.mult = 5}, 5));
    printf("ed25519_sign %.2f us\n", least((struct floor_ops){.sign = 5, .sign_bytes = 1000}, 5));
    printf("ed25519_verify %.2f us\n", least((struct floor_ops){.verify = 5, .verify_bytes = 1000}, 5));
    printf("sha256_block %.3f us\n", least((struct floor_ops){.hash = 1, .hash_blocks = 1000}, 1000));
    printf("hmac_sha256 %.3f us\n", least((struct floor_ops){.hash = 200, .hash_blocks = 400}, 100));
    printf("chacha20poly1305_1024 %.3f us\n", least((struct floor_ops){.aead = 50, .aead_bytes = 51200}, 50));
}

/* ---- counting ---- */

size_t floor_vec(size_t len)
{
    return len + (len < 64 ? 1 : len < 16384 ? 2 : 4);
}

void floor_hash(struct floor_ops *o, size_t len)
{
    o->hash++;
    o->hash_blocks += (double)((len + 9 + 63) / 64); /* one bit and eight bytes of length are added */
}

void floor_hmac(struct floor_ops *o, size_t len)
{
    floor_hash(o, 64 + len);
    floor_hash(o, 64 + 32);
}

static void expand(struct floor_ops *o, size_t info)
{
    floor_hmac(o, info + 1);
}

/* "MLS 1.0 " and the label */
static size_t label_len(const char *label)
{
    return floor_vec(8 + strlen(label));
}

void floor_expand_label(struct floor_ops *o, const char *label, size_t context)
{
    expand(o, 2 + label_len(label) + floor_vec(context));
}

void floor_sign(struct floor_ops *o, const char *label, size_t content)
{
    o->sign++;
    o->sign_bytes += (double)(label_len(label) + floor_vec(content));
}

void floor_verify(struct floor_ops *o, const char *label, size_t content)
{
    o->verify++;
    o->verify_bytes += (double)(label_len(label) + floor_vec(content));
}

void floor_aead(struct floor_ops *o, size_t plaintext)
{
    o->aead++;
    o->aead_bytes += (double)plaintext;
}

enum { VERSION = 7 /* "HPKE-v1" */, KEM = 5 /* "KEM" and its number */, SUITE = 10 };

void floor_derive_key_pair(struct floor_ops *o)
{
    floor_hmac(o, VERSION + KEM + strlen("dkp_prk") + 32);
    expand(o, 2 + VERSION + KEM + strlen("sk"));
    o->base++;
}

void floor_hpke(struct floor_ops *o, const char *label, size_t context, size_t plaintext)
{
    size_t info = label_len(label) + floor_vec(context);
    o->mult++;
    /* ExtractAndExpand (§4.1) */
    floor_hmac(o, VERSION + KEM + strlen("eae_prk") + 32);
    expand(o, 2 + VERSION + KEM + strlen("shared_secret") + 64);
    /* KeySchedule (§5.1), without the exporter secret, which MLS does not use */
    floor_hmac(o, VERSION + SUITE + strlen("psk_id_hash"));
    floor_hmac(o, VERSION + SUITE + strlen("info_hash") + info);
    floor_hmac(o, VERSION + SUITE + strlen("secret"));
    expand(o, 2 + VERSION + SUITE + strlen("key") + 65);
    expand(o, 2 + VERSION + SUITE + strlen("base_nonce") + 65);
    floor_aead(o, plaintext);
}

void floor_hpke_seal(struct floor_ops *o, const char *label, size_t context, size_t plaintext)
{
    o->base++; /* the ephemeral key */
    floor_hpke(o, label, context, plaintext);
}
