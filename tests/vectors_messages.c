/* SPDX-License-Identifier: Apache-2.0 */
/* mlswg vectors of messages: messages (decode and encode again), message-protection, welcome. */
#include <string.h>

#include "protocol/mls/key_schedule.h"
#include "protocol/mls/message.h"
#include "protocol/mls/ratchet_tree.h"
#include "tests/vectors_case.h"

/* ---- messages ---- */

/* Decodes and encodes again; `detail` is the wire format, content type or proposal type that it must have. */
typedef enum status again_fn(struct span in, int detail, struct writer *w);

static enum status message_again(struct span in, int format, struct writer *w)
{
    struct message m;
    enum status st = message_decode(&m, in);
    if (st != ST_OK)
        return st;
    message_write(w, &m);
    return (int)m.format == format ? ST_OK : ST_WIRE_ENUM;
}

static enum status public_message_again(struct span in, int type, struct writer *w)
{
    struct message m;
    enum status st = message_decode(&m, in);
    if (st != ST_OK)
        return st;
    message_write(w, &m);
    return m.format == WIRE_PUBLIC_MESSAGE && (int)m.u.public_message.signed_content.content.type == type
               ? ST_OK
               : ST_WIRE_ENUM;
}

static enum status ratchet_tree_again(struct span in, int detail, struct writer *w)
{
    struct ratchet_tree t;
    (void)detail;
    enum status st = ratchet_tree_decode(&t, in);
    if (st == ST_OK)
        ratchet_tree_write(w, &t);
    ratchet_tree_wipe(&t);
    return st;
}

static enum status group_secrets_again(struct span in, int detail, struct writer *w)
{
    struct group_secrets s;
    (void)detail;
    enum status st = group_secrets_decode(&s, in);
    if (st == ST_OK)
        group_secrets_write(w, &s);
    return st;
}

static enum status commit_again(struct span in, int detail, struct writer *w)
{
    struct commit m;
    (void)detail;
    enum status st = commit_decode(&m, in);
    if (st == ST_OK)
        commit_write(w, &m);
    return st;
}

/* The file has the bodies of proposals, without their type. */
static enum status proposal_again(struct span in, int type, struct writer *w)
{
    struct buffer whole, encoded;
    struct proposal p;
    struct writer to;
    buffer_init(&whole, SIZE_MAX);
    buffer_init(&encoded, SIZE_MAX);
    writer_init(&to, &whole);
    writer_u16(&to, (uint16_t)type);
    writer_bytes(&to, in);
    enum status st = writer_done(&to);
    if (st == ST_OK)
        st = proposal_decode(&p, buffer_span(&whole));
    if (st == ST_OK) {
        writer_init(&to, &encoded);
        proposal_write(&to, &p);
        st = writer_done(&to);
    }
    if (st == ST_OK)
        writer_bytes(w, SPAN_OF(encoded.ptr + 2, encoded.len - 2));
    buffer_wipe(&whole);
    buffer_wipe(&encoded);
    return st;
}

static void run_messages(struct vec_case *c)
{
    static const struct {
        const char *name;
        again_fn *again;
        int detail;
    } fields[] = {
        {"mls_welcome", message_again, WIRE_WELCOME},
        {"mls_group_info", message_again, WIRE_GROUP_INFO},
        {"mls_key_package", message_again, WIRE_KEY_PACKAGE},
        {"ratchet_tree", ratchet_tree_again, 0},
        {"group_secrets", group_secrets_again, 0},
        {"add_proposal", proposal_again, PROPOSAL_ADD},
        {"update_proposal", proposal_again, PROPOSAL_UPDATE},
        {"remove_proposal", proposal_again, PROPOSAL_REMOVE},
        {"pre_shared_key_proposal", proposal_again, PROPOSAL_PSK},
        {"re_init_proposal", proposal_again, PROPOSAL_REINIT},
        {"external_init_proposal", proposal_again, PROPOSAL_EXTERNAL_INIT},
        {"group_context_extensions_proposal", proposal_again, PROPOSAL_EXTENSIONS},
        {"commit", commit_again, 0},
        {"public_message_application", public_message_again, CONTENT_APPLICATION},
        {"public_message_proposal", public_message_again, CONTENT_PROPOSAL},
        {"public_message_commit", public_message_again, CONTENT_COMMIT},
        {"private_message", message_again, WIRE_PRIVATE_MESSAGE},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]) && vec_going(c); i++) {
        struct span in = vec_bytes(c, c->one, fields[i].name);
        struct buffer *out = vec_buffer(c);
        struct writer w;
        writer_init(&w, out);
        if (!vec_going(c))
            return;
        vec_ok(c, fields[i].name, fields[i].again(in, fields[i].detail, &w));
        vec_ok(c, "encoding again", writer_done(&w));
        vec_equal(c, fields[i].name, buffer_span(out), in);
    }
}

/* Other bytes may be just as good a message: nothing here is a value to compare with. */
static const char *const loose_all[] = {"*", NULL};
const struct vec_kind vec_messages = {
    .name = "messages", .marker = "mls_welcome", .run = run_messages, .loose = loose_all};

/* ---- message-protection ---- */

enum { SENDER_LEAF = 1, MEMBERS = 2 };

struct protection {
    struct vec_case *c;
    struct span group_id, context, signature_pub;
    uint64_t epoch;
    struct sign_private signer;
    struct secret encryption, sender_data, membership_key;
};

struct content_kind {
    const char *raw, *pub, *priv;
    enum content_type type;
};

static void load_protection(struct protection *p, struct vec_case *c)
{
    struct buffer *encoded = vec_buffer(c);
    struct writer w;
    p->c = c;
    p->group_id = vec_bytes(c, c->one, "group_id");
    p->epoch = vec_number(c, c->one, "epoch", UINT64_MAX);
    const struct group_context context = {.version = MLS_VERSION_10,
                                          .cipher_suite = SUITE_ID,
                                          .group_id = p->group_id,
                                          .epoch = p->epoch,
                                          .tree_hash = vec_bytes(c, c->one, "tree_hash"),
                                          .confirmed_transcript_hash =
                                              vec_bytes(c, c->one, "confirmed_transcript_hash")};
    writer_init(&w, encoded);
    group_context_write(&w, &context);
    vec_ok(c, "GroupContext", writer_done(&w));
    p->context = buffer_span(encoded);
    p->signature_pub = vec_bytes(c, c->one, "signature_pub");
    vec_sign_key(c, vec_bytes(c, c->one, "signature_priv"), p->signature_pub, &p->signer);
    vec_fixed(c, c->one, "encryption_secret", p->encryption.b, SECRET_LEN);
    vec_fixed(c, c->one, "sender_data_secret", p->sender_data.b, SECRET_LEN);
    vec_fixed(c, c->one, "membership_key", p->membership_key.b, SECRET_LEN);
}

static void check_content(const struct protection *p, const struct authenticated_content *a,
                          const struct content_kind *k, struct span raw)
{
    struct vec_case *c = p->c;
    vec_true(c, "content type", a->content.type == k->type);
    vec_true(c, "sender", a->content.sender.type == SENDER_MEMBER && a->content.sender.index == SENDER_LEAF);
    vec_true(c, "epoch", a->content.epoch == p->epoch);
    vec_equal(c, "group id", a->content.group_id, p->group_id);
    vec_equal(c, k->raw, a->content.body, raw);
    vec_ok(c, "signature", content_verify(a, p->context, p->signature_pub));
}

void vec_message_again(struct vec_case *c, struct span in, struct message *out)
{
    struct buffer *again = vec_buffer(c);
    struct writer w;
    memset(out, 0, sizeof(*out));
    if (!vec_going(c))
        return;
    vec_ok(c, "MLSMessage", message_decode(out, in));
    if (!vec_going(c))
        return;
    writer_init(&w, again);
    message_write(&w, out);
    vec_ok(c, "encoding again", writer_done(&w));
    vec_equal(c, "message encoded again", buffer_span(again), in);
}

static void decode_again(struct vec_case *c, struct span in, enum wire_format format, struct message *out)
{
    vec_message_again(c, in, out);
    vec_true(c, "wire format", out->format == format);
}

static void check_public(const struct protection *p, struct span message, const struct content_kind *k,
                         struct span raw)
{
    struct message m;
    decode_again(p->c, message, WIRE_PUBLIC_MESSAGE, &m);
    if (!vec_going(p->c))
        return;
    const struct public_message *pub = &m.u.public_message;
    vec_ok(p->c, "membership tag", public_message_check(pub, &p->membership_key, p->context));
    check_content(p, &pub->signed_content, k, raw);
}

static void check_private(const struct protection *p, struct span message, const struct content_kind *k,
                          struct span raw)
{
    struct vec_case *c = p->c;
    struct message m;
    struct secret root = p->encryption;
    struct secret_tree *tree = NULL;
    struct buffer *plain = vec_buffer(c);
    struct authenticated_content a;
    struct message_key spend = {0};
    decode_again(c, message, WIRE_PRIVATE_MESSAGE, &m);
    vec_ok(c, "secret tree", secret_tree_new(&tree, MEMBERS, &root));
    const struct private_message_keys keys = {tree, &p->sender_data};
    if (vec_going(c))
        vec_ok(c, k->priv, private_message_open(&m.u.private_message, &keys, plain, &a, &spend));
    if (vec_going(c)) {
        check_content(p, &a, k, raw);
        vec_ok(c, "spending the key", secret_tree_commit(tree, &spend));
        vec_refused(c, "the same message again",
                    private_message_open(&m.u.private_message, &keys, plain, &a, &spend));
    }
    message_key_wipe(&spend);
    secret_tree_free(tree);
}

/* The same content, signed by us. */
static void sign_own(const struct protection *p, const struct content_kind *k, struct span raw,
                     enum wire_format format, struct authenticated_content *a)
{
    static const uint8_t tag[HASH_LEN] = {1}; /* protection does not look at a commit's confirmation tag */
    *a = (struct authenticated_content){
        .wire_format = format,
        .content = {.group_id = p->group_id,
                    .epoch = p->epoch,
                    .sender = {SENDER_MEMBER, SENDER_LEAF},
                    .type = k->type,
                    .body = raw},
        .auth = {.confirmation_tag = k->type == CONTENT_COMMIT ? SPAN(tag) : SPAN_EMPTY},
    };
    uint8_t *signature = vec_room(p->c, SIGNATURE_LEN);
    vec_ok(p->c, "signing", content_sign(a, p->context, &p->signer, signature));
    a->auth.signature = SPAN_OF(signature, SIGNATURE_LEN);
}

static void check_own_public(const struct protection *p, const struct content_kind *k, struct span raw)
{
    struct authenticated_content a;
    struct buffer *sealed = vec_buffer(p->c);
    struct writer w;
    sign_own(p, k, raw, WIRE_PUBLIC_MESSAGE, &a);
    writer_init(&w, sealed);
    message_write_header(&w, WIRE_PUBLIC_MESSAGE);
    if (!vec_going(p->c))
        return;
    enum status st = public_message_seal(&a, &p->membership_key, p->context, sealed);
    if (k->type == CONTENT_APPLICATION) {
        vec_refused(p->c, "application data as a PublicMessage", st);
        return;
    }
    vec_ok(p->c, "sealing a PublicMessage", st);
    check_public(p, buffer_span(sealed), k, raw);
}

static void check_own_private(const struct protection *p, const struct content_kind *k, struct span raw)
{
    struct vec_case *c = p->c;
    struct authenticated_content a;
    struct buffer *sealed = vec_buffer(c);
    struct writer w;
    struct secret root = p->encryption;
    struct secret_tree *tree = NULL;
    sign_own(p, k, raw, WIRE_PRIVATE_MESSAGE, &a);
    writer_init(&w, sealed);
    message_write_header(&w, WIRE_PRIVATE_MESSAGE);
    vec_ok(c, "secret tree", secret_tree_new(&tree, MEMBERS, &root));
    const struct private_message_keys keys = {tree, &p->sender_data};
    if (vec_going(c))
        vec_ok(c, "sealing a PrivateMessage", private_message_seal(&a, &keys, 5, &c->entropy, sealed));
    secret_tree_free(tree);
    if (vec_going(c))
        check_private(p, buffer_span(sealed), k, raw);
}

static void run_message_protection(struct vec_case *c)
{
    static const struct content_kind kinds[] = {
        {"proposal", "proposal_pub", "proposal_priv", CONTENT_PROPOSAL},
        {"application", NULL, "application_priv", CONTENT_APPLICATION},
        {"commit", "commit_pub", "commit_priv", CONTENT_COMMIT},
    };
    struct protection p;
    load_protection(&p, c);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && vec_going(c); i++) {
        const struct content_kind *k = &kinds[i];
        /* Copies of the file without its commits have none of the three fields; see vectors.c. */
        if (k->type == CONTENT_COMMIT && !vec_has(c->one, k->raw) && !vec_has(c->one, k->pub) &&
            !vec_has(c->one, k->priv))
            continue;
        struct span raw = vec_bytes(c, c->one, k->raw);
        if (k->pub)
            check_public(&p, vec_bytes(c, c->one, k->pub), k, raw);
        check_private(&p, vec_bytes(c, c->one, k->priv), k, raw);
        check_own_public(&p, k, raw);
        check_own_private(&p, k, raw);
    }
    sign_private_wipe(&p.signer);
}

const struct vec_kind vec_message_protection = {.name = "message-protection",
                                                .marker = "application_priv",
                                                .has_suite = true,
                                                .run = run_message_protection};

/* ---- welcome ---- */

static void check_group_info(struct vec_case *c, const struct welcome *w, const struct secret *joiner)
{
    const struct secret no_psk = {{0}};
    struct buffer *plain = vec_buffer(c), *again = vec_buffer(c), *context = vec_buffer(c);
    struct group_info info;
    vec_ok(c, "GroupInfo", welcome_open_info(w, joiner, &no_psk, plain, &info));
    if (!vec_going(c))
        return;
    struct writer to;
    writer_init(&to, again);
    group_info_write(&to, &info);
    vec_equal(c, "GroupInfo encoded again", buffer_span(again), buffer_span(plain));
    vec_ok(c, "signature of the GroupInfo", group_info_verify(&info, vec_bytes(c, c->one, "signer_pub")));
    writer_init(&to, context);
    group_context_write(&to, &info.context);
    vec_ok(c, "GroupContext", writer_done(&to));
    struct epoch_secrets secrets;
    uint8_t tag[CONFIRMATION_TAG_LEN];
    vec_ok(c, "epoch secrets", key_schedule_epoch(joiner, &no_psk, buffer_span(context), &secrets));
    confirmation_tag_compute(&secrets.confirmation_key, info.context.confirmed_transcript_hash, tag);
    vec_equal(c, "confirmation_tag", SPAN(tag), info.confirmation_tag);
    epoch_secrets_wipe(&secrets);
}

static void check_group_secrets(struct vec_case *c, const struct welcome *w, const struct key_package *kp,
                                struct secret *joiner)
{
    uint8_t ref[HASH_LEN];
    struct hpke_ciphertext mine;
    struct buffer *plain = vec_buffer(c), *again = vec_buffer(c);
    struct group_secrets s = {0};
    struct dh_private init;
    struct dh_public init_key;
    vec_fixed(c, c->one, "init_priv", init.b, sizeof(init.b));
    dh_public_of(&init, &init_key);
    vec_equal(c, "init_priv's public key", SPAN_ID(&init_key), kp->init_key);
    vec_ok(c, "KeyPackageRef", key_package_ref(kp->encoded, ref));
    vec_ok(c, "finding the key package in the Welcome", welcome_find(w, ref, &mine));
    if (!vec_going(c))
        return;
    vec_ok(c, "GroupSecrets", welcome_open_secrets(w, &mine, &init, plain, &s));
    vec_true(c, "the joiner secret, without PSKs", s.joiner_secret.len == SECRET_LEN && s.psk_count == 0);
    if (!vec_going(c))
        return;
    struct writer to;
    writer_init(&to, again);
    group_secrets_write(&to, &s);
    vec_equal(c, "GroupSecrets encoded again", buffer_span(again), buffer_span(plain));
    memcpy(joiner->b, s.joiner_secret.ptr, SECRET_LEN);
}

static void run_welcome(struct vec_case *c)
{
    struct message kp, w;
    struct secret joiner = {{0}};
    decode_again(c, vec_bytes(c, c->one, "key_package"), WIRE_KEY_PACKAGE, &kp);
    decode_again(c, vec_bytes(c, c->one, "welcome"), WIRE_WELCOME, &w);
    if (vec_going(c))
        check_group_secrets(c, &w.u.welcome, &kp.u.key_package, &joiner);
    if (vec_going(c))
        check_group_info(c, &w.u.welcome, &joiner);
    secret_wipe(&joiner);
}

static const char *const clamped[] = {"init_priv", NULL}; /* X25519 masks bits of it */
const struct vec_kind vec_welcome = {
    .name = "welcome", .marker = "signer_pub", .has_suite = true, .run = run_welcome, .loose = clamped};
