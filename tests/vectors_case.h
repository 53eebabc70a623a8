/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the runners of public test vectors (tests/vectors*.c): one case, what is asked of it and how it
 * went.
 *
 * The first failure sticks: after it, getters give empty values and checks do nothing, so a runner runs
 * straight down. A field that is missing or of another type than the format says is a failure. All memory
 * belongs to the case. */
#ifndef KITH_TESTS_VECTORS_CASE_H
#define KITH_TESTS_VECTORS_CASE_H

#include <jansson.h>

#include "protocol/bytes.h"
#include "protocol/entropy.h"
#include "protocol/suite.h"

enum vec_result { VEC_PASSED, VEC_FAILED, VEC_SKIPPED };

struct vec_block;

struct vec_case {
    const json_t *root;  /* the whole file */
    const json_t *group; /* Wycheproof: the test group; else NULL */
    const json_t *one;   /* the case itself */
    enum vec_result result;
    char why[200]; /* of a failure */
    struct vec_block *blocks;
    uint64_t entropy_calls;
    struct entropy entropy; /* from a fixed seed */
};

void vec_case_init(struct vec_case *c);
void vec_case_wipe(struct vec_case *c); /* frees its memory; the result stays */

bool vec_going(const struct vec_case *c); /* neither failed nor skipped */
void vec_fail(struct vec_case *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void vec_skip(struct vec_case *c);

/* ---- getting ---- */

const json_t *vec_get(struct vec_case *c, const json_t *from, const char *key); /* of any type, null too */
const json_t *vec_array(struct vec_case *c, const json_t *from, const char *key);
const json_t *vec_object(struct vec_case *c, const json_t *from, const char *key);
const json_t *vec_at(struct vec_case *c, const json_t *array, size_t i); /* fails past the end */
uint64_t vec_number(struct vec_case *c, const json_t *from, const char *key, uint64_t max);
uint64_t vec_number_of(struct vec_case *c, const json_t *value, uint64_t max);
struct span vec_text(struct vec_case *c, const json_t *from, const char *key);
struct span vec_bytes(struct vec_case *c, const json_t *from, const char *key); /* hex */
struct span vec_bytes_of(struct vec_case *c, const json_t *value, const char *what);
void vec_fixed(struct vec_case *c, const json_t *from, const char *key, uint8_t *out,
               size_t len); /* exactly len */
bool vec_has(const json_t *from, const char *key);

/* Room that lives as long as the case. */
uint8_t *vec_room(struct vec_case *c, size_t len);
struct buffer *vec_buffer(struct vec_case *c);

/* ---- checking ---- */

void vec_ok(struct vec_case *c, const char *what, enum status got);
void vec_refused(struct vec_case *c, const char *what, enum status got);
void vec_true(struct vec_case *c, const char *what, bool holds);
void vec_equal(struct vec_case *c, const char *what, struct span got, struct span want);
/* The bytes of a field. */
void vec_expect(struct vec_case *c, const json_t *from, const char *key, struct span got);
void vec_expect_number(struct vec_case *c, const json_t *from, const char *key, uint64_t got);

/* A private key as the files have it, a seed of 32 bytes, which must belong to the public key (empty: not
 * asked). */
void vec_sign_key(struct vec_case *c, struct span seed, struct span public_key, struct sign_private *out);

/* Decodes an MLSMessage, which must encode to the same bytes again. */
struct message;
void vec_message_again(struct vec_case *c, struct span in, struct message *out);

/* ---- the kinds of files ---- */

struct vec_kind {
    const char *name;   /* of the file, without .json; or the beginning of Wycheproof's "schema" */
    const char *marker; /* a field that only cases of this kind have: for files with another name */
    bool has_suite;     /* cases name a cipher_suite; others than ours are skipped */
    uint16_t also_suite;
    void (*run)(struct vec_case *c);
    /* For `vectors --flip`, ended by NULL: fields whose change may change nothing, and those that may be
     * absent. */
    const char *const *loose, *const *optional;
};

extern const struct vec_kind vec_crypto_basics, vec_key_schedule, vec_psk_secret, vec_transcript_hashes,
    vec_secret_tree, vec_tree_math, vec_deserialization;
extern const struct vec_kind vec_messages, vec_message_protection, vec_welcome;
extern const struct vec_kind vec_tree_operations, vec_tree_validation, vec_treekem;
extern const struct vec_kind vec_passive_welcome, vec_passive_commit, vec_passive_random;
extern const struct vec_kind vec_hpke;
extern const struct vec_kind vec_wp_aead, vec_wp_hkdf, vec_wp_xdh, vec_wp_eddsa; /* Wycheproof */

/* ---- a file ---- */

struct vec_file {
    const struct vec_kind *kind;
    json_t *root;
    size_t case_count;
};

/* False when it is not a file of vectors that we know; *broken when it is and cannot be used. */
bool vec_file_open(struct vec_file *f, const char *path, char *broken, size_t broken_len);
void vec_file_close(struct vec_file *f);
/* Runs case i; result and why are left in c, which needs no wiping. Memory that leaked is a failure, too. */
void vec_file_run(const struct vec_file *f, size_t i, struct vec_case *c);
/* Every *.json below dir, sorted; the caller frees each and the list. Exits the program when dir cannot be
 * read. */
char **vec_list(const char *dir, size_t *count);

/* vectors_flip.c: `vectors --flip DIR`; the exit status. */
int vec_flip_main(const char *dir, size_t per_file);

#endif
