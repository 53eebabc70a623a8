/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/tree_validate.h"

#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/parent_hash.h"
#include "protocol/mls/tree_hash.h"

/* ---- lengths and unmerged leaves ---- */

static enum status check_parent(const struct ratchet_tree *t, uint32_t node)
{
    const struct parent_node *p = ratchet_tree_parent(t, node);
    if (!p)
        return ST_OK;
    if (p->encryption_key.len != DH_LEN || (p->parent_hash.len != 0 && p->parent_hash.len != HASH_LEN))
        return ST_MLS_KEY_LENGTH;
    if (dh_public_is_weak(p->encryption_key))
        return ST_CRYPTO_BAD_KEY;
    for (uint32_t i = 0; i < parent_node_unmerged_count(p); i++) {
        uint32_t leaf = parent_node_unmerged_at(p, i), x = tree_leaf_to_node(leaf);
        if (!tree_covers(node, x) || ratchet_tree_is_blank(t, x))
            return ST_MLS_UNMERGED;
        for (x = tree_parent(x); x != node; x = tree_parent(x)) {
            const struct parent_node *between = ratchet_tree_parent(t, x);
            if (between && !parent_node_has_unmerged(between, leaf))
                return ST_MLS_UNMERGED;
        }
    }
    return ST_OK;
}

static enum status check_nodes(const struct ratchet_tree *t)
{
    enum status st = ST_OK;
    for (uint32_t leaf = 0; leaf < t->leaf_count && st == ST_OK; leaf++) {
        const struct leaf_node *n = ratchet_tree_leaf(t, leaf);
        if (n)
            st = leaf_node_check_suite(n);
    }
    for (uint32_t node = 1; node < 2 * t->leaf_count && st == ST_OK; node += 2)
        st = check_parent(t, node);
    return st;
}

/* ---- no key twice ---- */

static int key_compare(struct span a, struct span b)
{
    return memcmp(a.ptr, b.ptr, DH_LEN);
}

/* Lets the key at `top` sink to its place in a heap with the largest first. */
static void heap_sink(struct span *keys, size_t count, size_t top)
{
    struct span key = keys[top];
    for (size_t child = 2 * top + 1; child < count; child = 2 * top + 1) {
        if (child + 1 < count && key_compare(keys[child], keys[child + 1]) < 0)
            child++;
        if (key_compare(key, keys[child]) >= 0)
            break;
        keys[top] = keys[child];
        top = child;
    }
    keys[top] = key;
}

/* Heap sort: no bad inputs, no memory, no recursion. Sorts keys of DH_LEN bytes, then looks for neighbours.
 */
static bool keys_are_unique(struct span *keys, size_t count)
{
    for (size_t top = count / 2; top > 0; top--)
        heap_sink(keys, count, top - 1);
    for (size_t left = count; left > 1; left--) {
        struct span largest = keys[0];
        keys[0] = keys[left - 1];
        keys[left - 1] = largest;
        heap_sink(keys, left - 1, 0);
    }
    for (size_t i = 1; i < count; i++) {
        if (key_compare(keys[i - 1], keys[i]) == 0)
            return false;
    }
    return true;
}

/* RFC 9420 §7.3 for the leaves, §12.4.3.1 for the parents. */
static enum status check_keys(const struct ratchet_tree *t)
{
    uint32_t node_count = tree_node_count(t->leaf_count);
    struct span *keys = mem_alloc(node_count, sizeof(*keys));
    if (!keys)
        return ST_NO_MEMORY;
    size_t count = 0;
    for (uint32_t x = 0; x < node_count; x++) {
        if (!ratchet_tree_is_blank(t, x))
            keys[count++] = ratchet_tree_key(t, x);
    }
    bool unique = keys_are_unique(keys, count);
    count = 0;
    for (uint32_t leaf = 0; leaf < t->leaf_count; leaf++) {
        const struct leaf_node *n = ratchet_tree_leaf(t, leaf);
        if (n)
            keys[count++] = n->signature_key;
    }
    unique = unique && keys_are_unique(keys, count);
    mem_free(keys, node_count * sizeof(*keys));
    return unique ? ST_OK : ST_MLS_KEY_TWICE;
}

/* ---- capabilities ---- */

enum status tree_validate_capabilities(const struct ratchet_tree *t, const struct extensions *group)
{
    bool basic = false, x509 = false; /* credential_read knows no other types */
    for (uint32_t leaf = 0; leaf < t->leaf_count; leaf++) {
        const struct leaf_node *n = ratchet_tree_leaf(t, leaf);
        basic = basic || (n && n->credential.type == CREDENTIAL_BASIC);
        x509 = x509 || (n && n->credential.type == CREDENTIAL_X509);
    }
    for (uint32_t leaf = 0; leaf < t->leaf_count; leaf++) {
        const struct leaf_node *n = ratchet_tree_leaf(t, leaf);
        if (!n)
            continue;
        const struct codes *understood = &n->capabilities.credentials;
        if ((basic && !codes_have(understood, CREDENTIAL_BASIC)) ||
            (x509 && !codes_have(understood, CREDENTIAL_X509)))
            return ST_MLS_CAPABILITIES;
        enum status st = leaf_node_check(n, group);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

/* ---- one leaf, the whole tree ---- */

enum status tree_validate_leaf(const struct ratchet_tree *t, const struct tree_context *c, uint32_t leaf)
{
    const struct leaf_node *n = ratchet_tree_leaf(t, leaf);
    if (!n)
        return ST_MLS_NOT_A_MEMBER;
    enum status st = leaf_node_check_suite(n);
    if (st == ST_OK)
        st = leaf_node_check(n, c->extensions);
    if (st != ST_OK)
        return st;
    for (uint32_t x = 0; x < tree_node_count(t->leaf_count); x++) {
        if (x == tree_leaf_to_node(leaf) || ratchet_tree_is_blank(t, x))
            continue;
        if (span_equal(ratchet_tree_key(t, x), n->encryption_key))
            return ST_MLS_KEY_TWICE;
        if (!tree_is_leaf(x))
            continue;
        const struct leaf_node *other = ratchet_tree_leaf(t, tree_node_to_leaf(x));
        if (span_equal(other->signature_key, n->signature_key))
            return ST_MLS_KEY_TWICE;
        if (!codes_have(&other->capabilities.credentials, n->credential.type) ||
            !codes_have(&n->capabilities.credentials, other->credential.type))
            return ST_MLS_CAPABILITIES;
    }
    return ST_OK;
}

static enum status check_signatures(const struct ratchet_tree *t, struct span group_id)
{
    enum status st = ST_OK;
    for (uint32_t leaf = 0; leaf < t->leaf_count && st == ST_OK; leaf++) {
        const struct leaf_node *n = ratchet_tree_leaf(t, leaf);
        if (n)
            st = leaf_node_verify(n, &(struct leaf_place){.group_id = group_id, .leaf = leaf});
    }
    return st;
}

enum status tree_validate(const struct ratchet_tree *t, const struct tree_context *c, struct span tree_hash)
{
    if (ratchet_tree_member_count(t) == 0)
        return ST_MLS_TREE_FORMAT;
    enum status st = check_nodes(t);
    if (st == ST_OK)
        st = check_keys(t);
    if (st == ST_OK)
        st = tree_validate_capabilities(t, c->extensions);
    if (st != ST_OK)
        return st;
    uint8_t root[HASH_LEN];
    tree_hash_root(t, root);
    if (!span_equal(SPAN(root), tree_hash)) /* RFC 9420 §12.4.3.3: MUST */
        return ST_MLS_TREE_HASH;
    st = parent_hash_verify_tree(t);
    return st == ST_OK ? check_signatures(t, c->group_id) : st; /* the dearest last */
}
