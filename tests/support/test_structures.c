/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_structures.h"

#include "protocol/mem.h"
#include "tests/support/test.h"

enum { STORE_MAX = 1 << 20 };

/* ---- decode and encode again ---- */

#define AGAIN_READ(name, type, read, write)                                   \
    enum status again_##name(void *ctx, struct span in, struct buffer *again) \
    {                                                                         \
        type x;                                                               \
        struct reader r;                                                      \
        struct writer w;                                                      \
        (void)ctx;                                                            \
        reader_init(&r, in);                                                  \
        read(&r, &x);                                                         \
        enum status s = reader_done(&r);                                      \
        if (s != ST_OK)                                                       \
            return s;                                                         \
        writer_init(&w, again);                                               \
        write(&w, &x);                                                        \
        return writer_done(&w);                                               \
    }

#define AGAIN_DECODE(name, type, decode, write)                               \
    enum status again_##name(void *ctx, struct span in, struct buffer *again) \
    {                                                                         \
        type x;                                                               \
        struct writer w;                                                      \
        (void)ctx;                                                            \
        enum status s = decode(&x, in);                                       \
        if (s != ST_OK)                                                       \
            return s;                                                         \
        writer_init(&w, again);                                               \
        write(&w, &x);                                                        \
        return writer_done(&w);                                               \
    }

AGAIN_READ(credential, struct credential, credential_read, credential_write)
AGAIN_READ(extensions, struct extensions, extensions_read, extensions_write)
AGAIN_DECODE(required_capabilities, struct required_capabilities, required_capabilities_decode,
             required_capabilities_write)
AGAIN_DECODE(leaf_node, struct leaf_node, leaf_node_decode, leaf_node_write)
AGAIN_DECODE(key_package, struct key_package, key_package_decode, key_package_write)
AGAIN_READ(psk_id, struct psk_id, psk_id_read, psk_id_write)
AGAIN_DECODE(group_context, struct group_context, group_context_decode, group_context_write)
AGAIN_DECODE(proposal, struct proposal, proposal_decode, proposal_write)
AGAIN_DECODE(update_path, struct update_path, update_path_decode, update_path_write)
AGAIN_DECODE(commit, struct commit, commit_decode, commit_write)
AGAIN_DECODE(content, struct authenticated_content, authenticated_content_decode, authenticated_content_write)
AGAIN_READ(public_message, struct public_message, public_message_read, public_message_write)
AGAIN_READ(private_message, struct private_message, private_message_read, private_message_write)
AGAIN_DECODE(group_info, struct group_info, group_info_decode, group_info_write)
AGAIN_DECODE(group_secrets, struct group_secrets, group_secrets_decode, group_secrets_write)
AGAIN_DECODE(welcome, struct welcome, welcome_decode, welcome_write)
AGAIN_DECODE(message, struct message, message_decode, message_write)

/* ---- values ---- */

static const uint8_t key_a[32] = {1, 2, 3}, key_b[32] = {4, 5, 6}, signature[64] = {7, 8, 9},
                     hash[32] = {10, 11}, nonce[32] = {12}, sealed[48] = {13, 14};
static const uint8_t list[] = {0, 1, 0x0a, 0x0a, 0xf4, 0xb1}; /* with a GREASE value */
static const uint8_t extension_list[] = {0x0a, 0x0a, 2, 0xff, 0xfe, 0, 1, 3, 'a', 'p', 'p'};

struct leaf_node test_leaf_node(enum leaf_source source)
{
    struct leaf_node n = {.encryption_key = SPAN(key_a),
                          .signature_key = SPAN(key_b),
                          .credential = {CREDENTIAL_BASIC, span_text("somebody")},
                          .source = source,
                          .extensions = {SPAN(extension_list)},
                          .signature = SPAN(signature)};
    n.capabilities = (struct capabilities){.versions = {SPAN_OF(list, 2)},
                                           .cipher_suites = {SPAN(list)},
                                           .extensions = {SPAN(list)},
                                           .proposals = {SPAN_OF(list, 4)},
                                           .credentials = {SPAN_OF(list, 2)}};
    if (source == LEAF_KEY_PACKAGE)
        n.lifetime = (struct lifetime){1000, 2000};
    if (source == LEAF_COMMIT)
        n.parent_hash = SPAN(hash);
    return n;
}

struct key_package test_key_package(void)
{
    return (struct key_package){.version = 1,
                                .cipher_suite = SUITE_ID,
                                .init_key = SPAN(nonce),
                                .leaf = test_leaf_node(LEAF_KEY_PACKAGE),
                                .extensions = {SPAN(extension_list)},
                                .signature = SPAN(signature)};
}

struct psk_id test_psk_id(enum psk_type type)
{
    struct psk_id id = {.type = type, .nonce = SPAN(nonce)};
    if (type == PSK_EXTERNAL)
        id.external_id = span_text("psk");
    else {
        id.usage = PSK_USAGE_BRANCH;
        id.group_id = span_text("group");
        id.epoch = 0x0102030405060708;
    }
    return id;
}

struct proposal test_proposal(enum proposal_type type)
{
    struct proposal p = {.type = type};
    switch (type) {
    case PROPOSAL_ADD:
        p.u.add = test_key_package();
        break;
    case PROPOSAL_UPDATE:
        p.u.update = test_leaf_node(LEAF_UPDATE);
        break;
    case PROPOSAL_REMOVE:
        p.u.remove = 0x01020304;
        break;
    case PROPOSAL_PSK:
        p.u.psk = test_psk_id(PSK_EXTERNAL);
        break;
    case PROPOSAL_REINIT:
        p.u.reinit = (struct reinit){span_text("next"), 1, 3, {SPAN(extension_list)}};
        break;
    case PROPOSAL_EXTERNAL_INIT:
        p.u.external_init = SPAN(key_a);
        break;
    case PROPOSAL_EXTENSIONS:
        p.u.extensions.list = SPAN(extension_list);
        break;
    }
    return p;
}

struct group_context test_group_context(void)
{
    return (struct group_context){.version = 1,
                                  .cipher_suite = SUITE_ID,
                                  .group_id = span_text("group"),
                                  .epoch = 7,
                                  .tree_hash = SPAN(hash),
                                  .confirmed_transcript_hash = SPAN(nonce),
                                  .extensions = {SPAN(extension_list)}};
}

struct group_info test_group_info(void)
{
    return (struct group_info){.context = test_group_context(),
                               .extensions = {SPAN(extension_list)},
                               .confirmation_tag = SPAN(hash),
                               .signer = 3,
                               .signature = SPAN(signature)};
}

/* What was appended to store since `start`. */
static struct span since(const struct buffer *store, size_t start)
{
    return SPAN_OF(store->ptr + start, store->len - start);
}

static void store_init(struct buffer *store, struct writer *w)
{
    buffer_init(store, STORE_MAX);
    assert_ok(buffer_reserve(store, 65536)); /* so that spans into it stay */
    writer_init(w, store);
}

static struct span write_nodes(struct buffer *store, struct writer *w)
{
    size_t start = store->len;
    for (int i = 0; i < 2; i++) {
        struct hpke_ciphertext c = {SPAN(key_a), SPAN(sealed)};
        writer_vec(w, SPAN(key_b));
        size_t mark = writer_open(w);
        hpke_ciphertext_write(w, &c);
        hpke_ciphertext_write(w, &c);
        writer_close(w, mark);
    }
    return since(store, start);
}

struct commit test_commit_value(struct buffer *store)
{
    struct writer w;
    struct commit c = {.has_path = true, .proposal_count = 3};
    store_init(store, &w);
    proposal_or_ref_write(
        &w, &(struct proposal_or_ref){.type = PROPOSAL_BY_VALUE, .proposal = test_proposal(PROPOSAL_ADD)});
    proposal_or_ref_write(&w, &(struct proposal_or_ref){.type = PROPOSAL_BY_REF, .ref = SPAN(hash)});
    proposal_or_ref_write(
        &w, &(struct proposal_or_ref){.type = PROPOSAL_BY_VALUE, .proposal = test_proposal(PROPOSAL_PSK)});
    c.proposals = since(store, 0);
    c.path.leaf = test_leaf_node(LEAF_COMMIT);
    c.path.nodes = write_nodes(store, &w);
    c.path.node_count = 2;
    assert_ok(writer_done(&w));
    return c;
}

struct framed_content test_framed_content(enum content_type type, struct buffer *store)
{
    struct writer w;
    struct framed_content c = {.group_id = span_text("group"),
                               .epoch = 9,
                               .sender = {SENDER_MEMBER, 2},
                               .authenticated_data = span_text("data"),
                               .type = type};
    struct commit commit = test_commit_value(store);
    size_t start = store->len;
    writer_init(&w, store);
    if (type == CONTENT_APPLICATION)
        writer_bytes(&w, span_text("hello"));
    if (type == CONTENT_PROPOSAL)
        proposal_write(&w, &(struct proposal){.type = PROPOSAL_REMOVE, .u.remove = 5});
    if (type == CONTENT_COMMIT)
        commit_write(&w, &commit);
    assert_ok(writer_done(&w));
    c.body = since(store, start);
    return c;
}

struct welcome test_welcome(struct buffer *store)
{
    struct writer w;
    struct welcome m = {.cipher_suite = SUITE_ID, .secret_count = 2, .encrypted_group_info = SPAN(sealed)};
    store_init(store, &w);
    for (int i = 0; i < 2; i++)
        encrypted_group_secrets_write(
            &w, &(struct encrypted_group_secrets){SPAN(hash), {SPAN(key_a), SPAN(sealed)}});
    assert_ok(writer_done(&w));
    m.secrets = since(store, 0);
    return m;
}

/* ---- fuzzing ---- */

void fuzz_again(decode_fn *again, const uint8_t *data, size_t size)
{
    struct buffer out;
    buffer_init(&out, 2 * size + 64);
    if (again(NULL, SPAN_OF(data, size), &out) == ST_OK)
        invariant(span_equal(buffer_span(&out), SPAN_OF(data, size)));
    buffer_wipe(&out);
}
