/* SPDX-License-Identifier: Apache-2.0 */
/* mlswg vectors of what needs no group: crypto-basics, key-schedule, psk_secret, transcript-hashes,
 * secret-tree, tree-math, deserialization. */
#include <string.h>
#include <sys/mman.h>

#include "protocol/hpke.h"
#include "protocol/mls/content.h"
#include "protocol/mls/group_context.h"
#include "protocol/mls/key_schedule.h"
#include "protocol/mls/psk.h"
#include "protocol/mls/psk_secret.h"
#include "protocol/mls/secret_tree.h"
#include "protocol/mls/transcript.h"
#include "protocol/mls/tree_math.h"
#include "tests/vectors_case.h"

static void get_secret(struct vec_case *c, const json_t *from, const char *key, struct secret *out)
{
    vec_fixed(c, from, key, out->b, sizeof(out->b));
}

/* ---- crypto-basics ---- */

static const char *text_of(struct vec_case *c, const json_t *from, const char *key)
{
    return (const char *)vec_text(c, from, key).ptr; /* ends in NUL, since it is JSON's */
}

static void check_ref_hash(struct vec_case *c, const json_t *o)
{
    uint8_t out[HASH_LEN];
    const char *label = text_of(c, o, "label");
    if (!vec_going(c))
        return;
    vec_ok(c, "RefHash", ref_hash(label, vec_bytes(c, o, "value"), out));
    vec_expect(c, o, "out", SPAN(out));
}

static void check_expand_with_label(struct vec_case *c, const json_t *o)
{
    size_t len = (size_t)vec_number(c, o, "length", UINT16_MAX);
    uint8_t *out = vec_room(c, len);
    vec_ok(c, "ExpandWithLabel",
           expand_with_label(LABELS_MLS, vec_bytes(c, o, "secret"), vec_text(c, o, "label"),
                             vec_bytes(c, o, "context"), out, len));
    vec_expect(c, o, "out", SPAN_OF(out, len));
}

static void check_derive_secret(struct vec_case *c, const json_t *o)
{
    struct secret out;
    const char *label = text_of(c, o, "label");
    if (!vec_going(c))
        return;
    vec_ok(c, "DeriveSecret", derive_secret(LABELS_MLS, vec_bytes(c, o, "secret"), label, &out));
    vec_expect(c, o, "out", SPAN_ID(&out));
}

static void check_derive_tree_secret(struct vec_case *c, const json_t *o)
{
    const char *label = text_of(c, o, "label");
    size_t len = (size_t)vec_number(c, o, "length", UINT16_MAX);
    uint32_t generation = (uint32_t)vec_number(c, o, "generation", UINT32_MAX);
    uint8_t *out = vec_room(c, len);
    if (!vec_going(c))
        return;
    vec_ok(c, "DeriveTreeSecret", derive_tree_secret(vec_bytes(c, o, "secret"), label, generation, out, len));
    vec_expect(c, o, "out", SPAN_OF(out, len));
}

static void check_sign_with_label(struct vec_case *c, const json_t *o)
{
    struct sign_private key;
    uint8_t again[SIGNATURE_LEN];
    struct span pub = vec_bytes(c, o, "pub"), content = vec_bytes(c, o, "content"),
                label = vec_text(c, o, "label"), signature = vec_bytes(c, o, "signature");
    vec_sign_key(c, vec_bytes(c, o, "priv"), pub, &key);
    if (!vec_going(c))
        return;
    vec_ok(c, "VerifyWithLabel", verify_with_label(LABELS_MLS, pub, label, content, signature));
    vec_ok(c, "SignWithLabel", sign_with_label(LABELS_MLS, &key, label, content, again));
    vec_equal(c, "the own signature", SPAN(again), signature); /* Ed25519 signs the same way each time */
}

static void check_encrypt_with_label(struct vec_case *c, const json_t *o)
{
    struct dh_private private;
    struct dh_public public, own;
    vec_fixed(c, o, "priv", private.b, sizeof(private.b));
    vec_fixed(c, o, "pub", public.b, sizeof(public.b));
    struct span label = vec_text(c, o, "label"), context = vec_bytes(c, o, "context"),
                plain = vec_bytes(c, o, "plaintext");
    struct buffer *opened = vec_buffer(c), *sealed = vec_buffer(c), *again = vec_buffer(c);
    uint8_t enc[HPKE_ENC_LEN];
    dh_public_of(&private, &own);
    vec_equal(c, "the public key", SPAN_ID(&own), SPAN_ID(&public));
    vec_ok(c, "DecryptWithLabel",
           hpke_open_label(LABELS_MLS, &private, label, context, vec_bytes(c, o, "kem_output"),
                           vec_bytes(c, o, "ciphertext"), opened));
    vec_equal(c, "plaintext", buffer_span(opened), plain);
    vec_ok(c, "EncryptWithLabel",
           hpke_seal_label(LABELS_MLS, &public, label, context, plain, &c->entropy, enc, sealed));
    vec_ok(c, "DecryptWithLabel of the own ciphertext",
           hpke_open_label(LABELS_MLS, &private, label, context, SPAN(enc), buffer_span(sealed), again));
    vec_equal(c, "plaintext of the own ciphertext", buffer_span(again), plain);
}

static void run_crypto_basics(struct vec_case *c)
{
    static const struct {
        const char *name;
        void (*check)(struct vec_case *c, const json_t *o);
    } parts[] = {
        {"ref_hash", check_ref_hash},
        {"expand_with_label", check_expand_with_label},
        {"derive_secret", check_derive_secret},
        {"derive_tree_secret", check_derive_tree_secret},
        {"sign_with_label", check_sign_with_label},
        {"encrypt_with_label", check_encrypt_with_label},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const json_t *o = vec_object(c, c->one, parts[i].name);
        if (vec_going(c))
            parts[i].check(c, o);
    }
}

static const char *const clamped[] = {"priv", NULL}; /* X25519 masks bits of it */
const struct vec_kind vec_crypto_basics = {.name = "crypto-basics",
                                           .marker = "expand_with_label",
                                           .has_suite = true,
                                           .run = run_crypto_basics,
                                           .loose = clamped};

/* ---- key-schedule ---- */

static struct span write_context(struct vec_case *c, const json_t *epoch, uint64_t number)
{
    struct buffer *encoded = vec_buffer(c);
    struct group_context context = {
        .version = MLS_VERSION_10,
        .cipher_suite = SUITE_ID,
        .group_id = vec_bytes(c, c->one, "group_id"),
        .epoch = number,
        .tree_hash = vec_bytes(c, epoch, "tree_hash"),
        .confirmed_transcript_hash = vec_bytes(c, epoch, "confirmed_transcript_hash"),
    };
    struct writer w;
    writer_init(&w, encoded);
    group_context_write(&w, &context);
    vec_ok(c, "GroupContext", writer_done(&w));
    vec_expect(c, epoch, "group_context", buffer_span(encoded));
    return buffer_span(encoded);
}

static void check_epoch_secrets(struct vec_case *c, const json_t *epoch, const struct epoch_secrets *s)
{
    vec_expect(c, epoch, "init_secret", SPAN_ID(&s->init));
    vec_expect(c, epoch, "sender_data_secret", SPAN_ID(&s->sender_data));
    vec_expect(c, epoch, "encryption_secret", SPAN_ID(&s->encryption));
    vec_expect(c, epoch, "exporter_secret", SPAN_ID(&s->exporter));
    vec_expect(c, epoch, "epoch_authenticator", SPAN_ID(&s->authenticator));
    vec_expect(c, epoch, "external_secret", SPAN_ID(&s->external));
    vec_expect(c, epoch, "confirmation_key", SPAN_ID(&s->confirmation_key));
    vec_expect(c, epoch, "membership_key", SPAN_ID(&s->membership_key));
    vec_expect(c, epoch, "resumption_psk", SPAN_ID(&s->resumption_psk));
    struct dh_private private;
    struct dh_public public;
    vec_ok(c, "external", key_schedule_external(&s->external, &private, &public));
    vec_expect(c, epoch, "external_pub", SPAN_ID(&public));
}

static void check_exporter(struct vec_case *c, const json_t *epoch, const struct epoch_secrets *s)
{
    const json_t *o = vec_object(c, epoch, "exporter");
    size_t len = (size_t)vec_number(c, o, "length", HKDF_OUT_MAX);
    uint8_t *out = vec_room(c, len);
    vec_ok(c, "MLS-Exporter",
           key_schedule_export(&s->exporter, vec_text(c, o, "label"), vec_bytes(c, o, "context"), out, len));
    vec_expect(c, o, "secret", SPAN_OF(out, len));
}

static void run_key_schedule(struct vec_case *c)
{
    struct secret init, commit, psk, joiner, welcome;
    struct epoch_secrets s;
    get_secret(c, c->one, "initial_init_secret", &init);
    const json_t *epochs = vec_array(c, c->one, "epochs");
    vec_true(c, "no epochs", json_array_size(epochs) > 0);
    for (size_t i = 0; i < json_array_size(epochs) && vec_going(c); i++) {
        const json_t *epoch = json_array_get(epochs, i);
        struct span context = write_context(c, epoch, i);
        get_secret(c, epoch, "commit_secret", &commit);
        psk = (struct secret){{0}};
        if (!json_is_null(vec_get(c, epoch, "psk_secret")))
            get_secret(c, epoch, "psk_secret", &psk);
        vec_ok(c, "joiner_secret", key_schedule_joiner(&init, &commit, context, &joiner));
        vec_expect(c, epoch, "joiner_secret", SPAN_ID(&joiner));
        vec_ok(c, "welcome_secret", key_schedule_welcome(&joiner, &psk, &welcome));
        vec_expect(c, epoch, "welcome_secret", SPAN_ID(&welcome));
        vec_ok(c, "epoch secrets", key_schedule_epoch(&joiner, &psk, context, &s));
        check_epoch_secrets(c, epoch, &s);
        check_exporter(c, epoch, &s);
        init = s.init;
    }
}

const struct vec_kind vec_key_schedule = {
    .name = "key-schedule", .marker = "initial_init_secret", .has_suite = true, .run = run_key_schedule};

/* ---- psk_secret ---- */

static void run_psk_secret(struct vec_case *c)
{
    const json_t *psks = vec_array(c, c->one, "psks");
    size_t count = json_array_size(psks);
    struct psk_input *inputs = (struct psk_input *)(void *)vec_room(c, count * sizeof(*inputs));
    for (size_t i = 0; i < count && vec_going(c); i++) {
        const json_t *o = json_array_get(psks, i);
        struct psk_id id = {.type = PSK_EXTERNAL,
                            .external_id = vec_bytes(c, o, "psk_id"),
                            .nonce = vec_bytes(c, o, "psk_nonce")};
        struct buffer *encoded = vec_buffer(c);
        struct writer w;
        writer_init(&w, encoded);
        psk_id_write(&w, &id);
        vec_ok(c, "PreSharedKeyID", writer_done(&w));
        inputs[i] = (struct psk_input){buffer_span(encoded), vec_bytes(c, o, "psk")};
    }
    struct secret out;
    if (!vec_going(c))
        return;
    vec_ok(c, "psk_secret", psk_secret_compute(inputs, count, &out));
    vec_expect(c, c->one, "psk_secret", SPAN_ID(&out));
}

const struct vec_kind vec_psk_secret = {
    .name = "psk_secret", .marker = "psks", .has_suite = true, .run = run_psk_secret};

/* ---- transcript-hashes ---- */

static void run_transcript_hashes(struct vec_case *c)
{
    struct span encoded = vec_bytes(c, c->one, "authenticated_content");
    struct authenticated_content content;
    vec_ok(c, "authenticated_content", authenticated_content_decode(&content, encoded));
    if (!vec_going(c))
        return;
    struct buffer *again = vec_buffer(c), *input = vec_buffer(c);
    struct writer w;
    writer_init(&w, again);
    authenticated_content_write(&w, &content);
    vec_ok(c, "encoding again", writer_done(&w));
    vec_equal(c, "authenticated_content encoded again", buffer_span(again), encoded);
    vec_true(c, "not a commit", content.content.type == CONTENT_COMMIT);
    vec_true(c, "length of the confirmation tag", content.auth.confirmation_tag.len == HASH_LEN);
    if (!vec_going(c))
        return;
    writer_init(&w, input);
    writer_u16(&w, (uint16_t)content.wire_format);
    framed_content_write(&w, &content.content);
    writer_vec(&w, content.auth.signature);
    vec_ok(c, "ConfirmedTranscriptHashInput", writer_done(&w));
    uint8_t confirmed[HASH_LEN], interim[HASH_LEN], tag[HASH_LEN];
    struct secret key;
    transcript_confirmed(vec_bytes(c, c->one, "interim_transcript_hash_before"), buffer_span(input),
                         confirmed);
    vec_expect(c, c->one, "confirmed_transcript_hash_after", SPAN(confirmed));
    get_secret(c, c->one, "confirmation_key", &key);
    confirmation_tag_compute(&key, SPAN(confirmed), tag);
    vec_equal(c, "confirmation_tag", SPAN(tag), content.auth.confirmation_tag);
    transcript_interim(SPAN(confirmed), tag, interim);
    vec_expect(c, c->one, "interim_transcript_hash_after", SPAN(interim));
}

const struct vec_kind vec_transcript_hashes = {.name = "transcript-hashes",
                                               .marker = "interim_transcript_hash_before",
                                               .has_suite = true,
                                               .run = run_transcript_hashes};

/* ---- secret-tree ---- */

static void check_generation(struct vec_case *c, struct secret_tree *t, uint32_t leaf, const json_t *o)
{
    static const char *const names[2][2] = {{"handshake_key", "handshake_nonce"},
                                            {"application_key", "application_nonce"}};
    uint32_t generation = (uint32_t)vec_number(c, o, "generation", UINT32_MAX);
    for (int kind = RATCHET_HANDSHAKE; kind <= RATCHET_APPLICATION && vec_going(c); kind++) {
        struct message_key k;
        vec_ok(c, "a ratchet's key", secret_tree_peek(t, leaf, (enum ratchet_kind)kind, generation, &k));
        vec_expect(c, o, names[kind][0], SPAN(k.key));
        vec_expect(c, o, names[kind][1], SPAN(k.nonce));
        if (vec_going(c))
            vec_ok(c, "spending it", secret_tree_commit(t, &k));
    }
}

static void check_leaves(struct vec_case *c, struct secret_tree *t, const json_t *leaves)
{
    for (uint32_t leaf = 0; leaf < json_array_size(leaves) && vec_going(c); leaf++) {
        const json_t *generations = json_array_get(leaves, leaf);
        vec_true(c, "a leaf is not a list of generations", json_array_size(generations) > 0);
        for (size_t i = 0; i < json_array_size(generations) && vec_going(c); i++)
            check_generation(c, t, leaf, json_array_get(generations, i));
    }
}

static void run_secret_tree(struct vec_case *c)
{
    const json_t *sender = vec_object(c, c->one, "sender_data");
    struct secret s;
    uint8_t key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN];
    get_secret(c, sender, "sender_data_secret", &s);
    struct span ciphertext = vec_bytes(c, sender, "ciphertext");
    if (!vec_going(c))
        return;
    vec_ok(c, "sender data", sender_data_key(&s, ciphertext, key, nonce));
    vec_expect(c, sender, "key", SPAN(key));
    vec_expect(c, sender, "nonce", SPAN(nonce));

    const json_t *leaves = vec_array(c, c->one, "leaves");
    get_secret(c, c->one, "encryption_secret", &s);
    struct secret_tree *t = NULL;
    if (!vec_going(c))
        return;
    vec_ok(c, "the tree", secret_tree_new(&t, (uint32_t)json_array_size(leaves), &s));
    check_leaves(c, t, leaves);
    secret_tree_free(t);
}

static const char *const sampled[] = {"ciphertext", NULL}; /* only its first bytes count */
const struct vec_kind vec_secret_tree = {.name = "secret-tree",
                                         .marker = "sender_data",
                                         .has_suite = true,
                                         .run = run_secret_tree,
                                         .loose = sampled};

/* ---- tree-math ---- */

enum { NO_NODE = -1 };

static int64_t left_of(uint32_t node, uint32_t root)
{
    (void)root;
    return tree_is_leaf(node) ? NO_NODE : (int64_t)tree_left(node);
}
static int64_t right_of(uint32_t node, uint32_t root)
{
    (void)root;
    return tree_is_leaf(node) ? NO_NODE : (int64_t)tree_right(node);
}
static int64_t parent_of(uint32_t node, uint32_t root)
{
    return node == root ? NO_NODE : (int64_t)tree_parent(node);
}
static int64_t sibling_of(uint32_t node, uint32_t root)
{
    return node == root ? NO_NODE : (int64_t)tree_sibling(node);
}

static void check_relation(struct vec_case *c, const char *name, int64_t (*of)(uint32_t node, uint32_t root),
                           uint32_t node_count, uint32_t root)
{
    const json_t *list = vec_array(c, c->one, name);
    vec_true(c, "a list is not as long as the tree", json_array_size(list) == node_count);
    for (uint32_t node = 0; node < node_count && vec_going(c); node++) {
        const json_t *want = json_array_get(list, node);
        int64_t got = of(node, root);
        bool same = got == NO_NODE ? json_is_null(want)
                                   : json_is_integer(want) && json_integer_value(want) == (json_int_t)got;
        if (!same)
            vec_fail(c, "%s of node %u", name, node);
    }
}

static void run_tree_math(struct vec_case *c)
{
    uint32_t leaves = (uint32_t)vec_number(c, c->one, "n_leaves", 1 << 20);
    vec_true(c, "not a full tree", leaves > 0 && tree_full_leaf_count(leaves) == leaves);
    if (!vec_going(c))
        return;
    uint32_t count = tree_node_count(leaves), root = tree_root(leaves);
    vec_expect_number(c, c->one, "n_nodes", count);
    vec_expect_number(c, c->one, "root", root);
    check_relation(c, "left", left_of, count, root);
    check_relation(c, "right", right_of, count, root);
    check_relation(c, "parent", parent_of, count, root);
    check_relation(c, "sibling", sibling_of, count, root);
}

const struct vec_kind vec_tree_math = {.name = "tree-math", .marker = "n_leaves", .run = run_tree_math};

/* ---- deserialization ---- */

/* A header with as many bytes after it as it says: up to 1 GiB of memory that is never touched. */
static void run_deserialization(struct vec_case *c)
{
    struct span header = vec_bytes(c, c->one, "vlbytes_header");
    size_t len = (size_t)vec_number(c, c->one, "length", VEC_LEN_MAX);
    if (!vec_going(c) || header.len == 0 || header.len > VEC_PREFIX_MAX) {
        vec_fail(c, "length of the header");
        return;
    }
    uint8_t again[VEC_PREFIX_MAX];
    vec_equal(c, "vlbytes_header", SPAN_OF(again, vec_prefix(again, len)), header);
    size_t room = header.len + len;
    uint8_t *in =
        mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (in == MAP_FAILED) {
        vec_fail(c, "no memory");
        return;
    }
    memcpy(in, header.ptr, header.len);
    struct reader r;
    reader_init(&r, SPAN_OF(in, room));
    struct span got = reader_vec(&r, VEC_LEN_MAX);
    vec_ok(c, "vlbytes_header", reader_done(&r));
    vec_expect_number(c, c->one, "length", got.len);
    munmap(in, room);
}

const struct vec_kind vec_deserialization = {
    .name = "deserialization", .marker = "vlbytes_header", .run = run_deserialization};
