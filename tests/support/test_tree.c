/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_tree.h"

#include <string.h>

#include "protocol/mls/tree_hash.h"
#include "tests/support/test.h"

static const uint8_t version[] = {0, 1}, suite[] = {0, 3}, credentials[] = {0, 1};
static const uint8_t group_id[] = {'g', 'r', 'o', 'u', 'p'};

void test_tree_leaf(struct test_tree *w, uint32_t leaf, enum leaf_source source, struct buffer *encoded,
                    struct leaf_node *out)
{
    struct test_tree_member *m = &w->member[leaf];
    struct secret seed;
    struct dh_private private;
    struct dh_public public;
    entropy_fill(&w->entropy.entropy, seed.b, sizeof(seed.b));
    assert_ok(dh_derive(SPAN_ID(&seed), &private, &public));
    treekem_keys_set(&m->keys, 0, &private);
    m->keys.leaf = leaf;
    const struct leaf_node n = {
        .encryption_key = SPAN_ID(&public),
        .signature_key = SPAN_ID(&m->public),
        .credential = {.type = CREDENTIAL_BASIC, .identity = SPAN_ID(&m->public)},
        .capabilities = {.versions = {SPAN(version)},
                         .cipher_suites = {SPAN(suite)},
                         .credentials = {SPAN(credentials)}},
        .source = source,
        .lifetime = {0, UINT64_MAX},
    };
    const struct leaf_place place = {.group_id = w->context.group_id, .leaf = leaf};
    buffer_init(encoded, MLS_LEAF_MAX);
    assert_ok(leaf_node_sign(&n, &place, &m->signer, encoded));
    assert_ok(leaf_node_decode(out, buffer_span(encoded)));
}

uint32_t test_tree_add(struct test_tree *w)
{
    struct buffer encoded;
    struct leaf_node n;
    uint32_t expected = 0, leaf;
    while (ratchet_tree_leaf(&w->tree, expected))
        expected++;
    assert_true(expected < TEST_TREE_MAX);
    struct test_tree_member *m = &w->member[expected];
    *m = (struct test_tree_member){0};
    sign_keypair(&w->entropy.entropy, &m->signer, &m->public);
    test_tree_leaf(w, expected, LEAF_KEY_PACKAGE, &encoded, &n);
    assert_ok(ratchet_tree_add(&w->tree, &n, &leaf));
    assert_int_equal(leaf, expected);
    buffer_wipe(&encoded);
    w->added[w->added_count++] = leaf;
    return leaf;
}

void test_tree_start(struct test_tree *w, uint64_t seed, uint32_t members)
{
    memset(w, 0, sizeof(*w));
    test_entropy_init(&w->entropy, seed);
    w->context = (struct tree_context){.group_id = SPAN(group_id)};
    ratchet_tree_init(&w->tree);
    for (uint32_t i = 0; i < members; i++)
        test_tree_add(w);
    w->added_count = 0;
}

void test_tree_end(struct test_tree *w)
{
    ratchet_tree_wipe(&w->tree);
}

static void prune_all(struct test_tree *w)
{
    for (uint32_t leaf = 0; leaf < TEST_TREE_MAX; leaf++)
        treekem_keys_prune(&w->member[leaf].keys, &w->tree);
}

void test_tree_update(struct test_tree *w, uint32_t leaf)
{
    struct buffer encoded;
    struct leaf_node n;
    test_tree_leaf(w, leaf, LEAF_UPDATE, &encoded, &n);
    assert_ok(ratchet_tree_update(&w->tree, leaf, &n));
    buffer_wipe(&encoded);
    prune_all(w);
}

void test_tree_remove(struct test_tree *w, uint32_t leaf)
{
    assert_ok(ratchet_tree_remove(&w->tree, leaf));
    prune_all(w);
}

void test_path_make(struct test_tree *w, uint32_t sender, struct test_path *p)
{
    memset(p, 0, sizeof(*p));
    buffer_init(&p->nodes, MLS_MESSAGE_MAX);
    assert_ok(ratchet_tree_copy(&p->after, &w->tree));
    const struct treekem_generate_args g = {.leaf = sender,
                                            .content = ratchet_tree_leaf(&w->tree, sender),
                                            .signer = &w->member[sender].signer,
                                            .group_id = w->context.group_id,
                                            .entropy = &w->entropy.entropy};
    assert_ok(treekem_generate(&p->after, &p->keys, &g, &p->made));
    tree_hash_root(&p->after, p->context);
    const struct treekem_seal_args s = {
        .context = SPAN(p->context), .added = {w->added, w->added_count}, .entropy = &w->entropy.entropy};
    assert_ok(treekem_seal(&p->after, &p->made, &s, &p->nodes, &p->path));
}

struct treekem_take_args test_path_args(const struct test_tree *w, const struct test_path *p)
{
    return (struct treekem_take_args){
        .sender = p->made.leaf, .path = &p->path, .added = {w->added, w->added_count}};
}

void test_path_free(struct test_path *p)
{
    treekem_path_wipe(&p->made);
    buffer_wipe(&p->nodes);
    ratchet_tree_wipe(&p->after);
}

static bool was_added(const struct test_tree *w, uint32_t leaf)
{
    for (size_t i = 0; i < w->added_count; i++) {
        if (w->added[i] == leaf)
            return true;
    }
    return false;
}

static void take(struct test_tree *w, const struct ratchet_tree *after, uint32_t leaf,
                 const struct test_path *p)
{
    struct treekem_keys *keys = &w->member[leaf].keys;
    const struct treekem_take_args a = test_path_args(w, p);
    struct secret got;
    if (was_added(w, leaf)) {
        assert_ok(treekem_path_secret_for(&p->made, leaf, &got));
        assert_ok(treekem_join(after, keys, p->made.leaf, &got));
        return;
    }
    assert_ok(treekem_open(after, keys, &a, SPAN(p->context), &got));
    assert_true(secret_equal(&got, &p->made.commit_secret));
}

void test_tree_commit(struct test_tree *w, uint32_t sender)
{
    static struct test_path p;
    struct ratchet_tree after;
    uint8_t hash[HASH_LEN];
    test_path_make(w, sender, &p);
    const struct treekem_take_args a = test_path_args(w, &p);
    assert_ok(ratchet_tree_copy(&after, &w->tree));
    assert_ok(treekem_merge(&after, &w->context, &a));
    tree_hash_root(&after, hash);
    assert_memory_equal(hash, p.context, HASH_LEN);
    for (uint32_t leaf = 0; leaf < after.leaf_count; leaf++) {
        if (leaf != sender && ratchet_tree_leaf(&after, leaf))
            take(w, &after, leaf, &p);
    }
    w->member[sender].keys = p.keys;
    w->added_count = 0;
    ratchet_tree_wipe(&w->tree);
    w->tree = after;
    test_path_free(&p);
    test_tree_check(w);
}

void test_tree_check(struct test_tree *w)
{
    struct ratchet_tree fresh;
    struct buffer bytes;
    struct writer writer;
    uint8_t cached[HASH_LEN], hash[HASH_LEN];
    buffer_init(&bytes, MLS_TREE_MAX + 4);
    writer_init(&writer, &bytes);
    ratchet_tree_write(&writer, &w->tree);
    assert_ok(writer_done(&writer));
    assert_ok(ratchet_tree_decode(&fresh, buffer_span(&bytes)));
    assert_int_equal(fresh.leaf_count, w->tree.leaf_count);
    tree_hash_root(&w->tree, cached);
    tree_hash_root(&fresh, hash);
    assert_memory_equal(cached, hash, HASH_LEN);
    assert_ok(tree_validate(&fresh, &w->context, SPAN(cached)));
    for (uint32_t leaf = 0; leaf < fresh.leaf_count; leaf++) {
        if (ratchet_tree_leaf(&fresh, leaf))
            assert_ok(treekem_keys_check(&w->member[leaf].keys, &fresh));
    }
    buffer_wipe(&bytes);
    ratchet_tree_wipe(&fresh);
}
