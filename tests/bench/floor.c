/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/floor.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 40, LONG = 16384 };

/* Microseconds: of one call, and where it grows, of one more byte or block. */
static struct {
    double base, mult, sign, sign_byte, verify, verify_byte, hash, hash_block, aead, aead_byte;
} cost;

/* ---- measuring ---- */

static uint8_t key[crypto_sign_SECRETKEYBYTES], public[crypto_sign_PUBLICKEYBYTES], point[32], other[32];
static uint8_t text[LONG], sealed[LONG + 16], hash[32], nonce[12];
static uint8_t signature_short[64], signature_long[64];
static int failures; /* uses the results, so that nothing is optimised away */

static void run_base(size_t len)
{
    (void)len;
    failures += crypto_scalarmult_base(other, hash);
}
static void run_mult(size_t len)
{
    (void)len;
    failures += crypto_scalarmult(other, hash, point);
}
static void run_sign(size_t len)
{
    failures += crypto_sign_detached(len == LONG ? signature_long : signature_short, NULL, text, len, key);
}
static void run_verify(size_t len)
{
    failures +=
        crypto_sign_verify_detached(len == LONG ? signature_long : signature_short, text, len, public);
}
static void run_hash(size_t len)
{
    failures += crypto_hash_sha256(hash, text, len);
}
static void run_aead(size_t len)
{
    failures += crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, text, len, NULL, 0, NULL, nonce, key);
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The least time of one call, over some rounds of several calls. */
static double least(void (*run)(size_t len), size_t len, int calls)
{
    double best = 1e12;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_us();
        for (int i = 0; i < calls; i++)
            run(len);
        double took = (now_us() - start) / calls;
        best = took < best ? took : best;
    }
    return best;
}

/* Keeps the lesser of an earlier measurement and this. */
static double keep(double *slot, double measured)
{
    if (*slot == 0 || measured < *slot)
        *slot = measured;
    return *slot;
}

static void measure_slope(void (*run)(size_t len), size_t from, int calls, double *call, double *byte)
{
    double low = least(run, from, calls), high = least(run, LONG, 4);
    keep(byte, (high - low) / (double)(LONG - from));
    keep(call, low - *byte * (double)from);
}

void floor_measure(void)
{
    static const uint8_t seed[32] = {1};
    crypto_sign_seed_keypair(public, key, seed);
    memset(hash, 3, sizeof(hash));
    crypto_scalarmult_base(point, seed);
    keep(&cost.base, least(run_base, 0, 5));
    keep(&cost.mult, least(run_mult, 0, 5));
    measure_slope(run_sign, 64, 5, &cost.sign, &cost.sign_byte);
    measure_slope(run_verify, 64, 5, &cost.verify, &cost.verify_byte);
    measure_slope(run_aead, 16, 50, &cost.aead, &cost.aead_byte);
    /* a message of 0 bytes is one block; one of LONG bytes has LONG / 64 more */
    double one = least(run_hash, 0, 200), many = least(run_hash, LONG, 4);
    keep(&cost.hash_block, (many - one) / (LONG / 64));
    keep(&cost.hash, one - cost.hash_block);
    if (failures != 0)
        printf("libsodium failed %d times\n", failures);
}

double floor_us(const struct floor_ops *o)
{
    return o->base * cost.base + o->mult * cost.mult + o->sign * cost.sign + o->sign_bytes * cost.sign_byte +
           o->verify * cost.verify + o->verify_bytes * cost.verify_byte + o->hash * cost.hash +
           o->hash_blocks * cost.hash_block + o->aead * cost.aead + o->aead_bytes * cost.aead_byte;
}

void floor_print_primitives(void)
{
    printf("x25519_base %.2f us\nx25519 %.2f us\n", cost.base, cost.mult);
    printf("ed25519_sign %.2f us\ned25519_sign_kib %.2f us\n", cost.sign, cost.sign_byte * 1024);
    printf("ed25519_verify %.2f us\ned25519_verify_kib %.2f us\n", cost.verify, cost.verify_byte * 1024);
    printf("sha256_message %.3f us\nsha256_block %.3f us\n", cost.hash, cost.hash_block);
    printf("chacha20poly1305 %.3f us\nchacha20poly1305_kib %.3f us\n", cost.aead, cost.aead_byte * 1024);
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
