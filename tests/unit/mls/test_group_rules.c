/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of RFC 9420 that only a member who breaks them on purpose can test: lists of proposals, tags and
 * counters that no honest engine makes. docs/mls-conformance.md says which test stands for which MUST. */
#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/staged.h"
#include "tests/support/test.h"
#include "tests/support/test_member.h"

enum { MEMBERS = 4, MESSAGE_MAX = 4 << 20, LIST_MAX = 40 };

static struct world {
    struct test_member m[MEMBERS + 1];
    struct test_member *all[MEMBERS + 2];
    struct buffer message, welcome, list, body;
    struct mls_staged *staged;
    size_t live;
} w;

static int setup(void **state)
{
    (void)state;
    w = (struct world){.live = mem_live()};
    buffer_init(&w.message, MESSAGE_MAX);
    buffer_init(&w.welcome, MESSAGE_MAX);
    buffer_init(&w.list, MESSAGE_MAX);
    buffer_init(&w.body, MESSAGE_MAX);
    test_family(w.m, w.all, MEMBERS);
    test_member_init(&w.m[MEMBERS], "new");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mls_staged_free(w.staged);
    test_family_free(w.m, MEMBERS + 1);
    buffer_wipe(&w.message);
    buffer_wipe(&w.welcome);
    buffer_wipe(&w.list);
    buffer_wipe(&w.body);
    assert_int_equal(mem_live(), w.live);
    return 0;
}

/* ---- what m1 forges, and what m0 says to it ---- */

/* Signed by m1, sealed in public: right but for its content. */
static void send_public(enum content_type type, struct span body, struct span tag)
{
    const struct mls_group *g = w.m[1].group;
    struct authenticated_content a = {.wire_format = WIRE_PUBLIC_MESSAGE};
    uint8_t signature[SIGNATURE_LEN];
    a.content.type = type;
    a.content.body = body;
    assert_ok(group_sign_content(g, &w.m[1].key, &a, signature));
    a.auth.confirmation_tag = tag;
    w.message.len = 0;
    assert_ok(group_frame(w.m[1].group, &a, 0, &w.m[1].entropy.entropy, &w.message));
}

static enum status commit_items(const struct proposal_or_ref *items, size_t count, struct span tag)
{
    struct writer wr;
    w.list.len = w.body.len = 0;
    writer_init(&wr, &w.list);
    for (size_t i = 0; i < count; i++)
        proposal_or_ref_write(&wr, &items[i]);
    assert_ok(writer_done(&wr));
    writer_init(&wr, &w.body);
    commit_write(&wr, &(struct commit){.proposals = buffer_span(&w.list)});
    assert_ok(writer_done(&wr));
    send_public(CONTENT_COMMIT, buffer_span(&w.body), tag);
    return test_hear_status(&w.m[0], buffer_span(&w.message));
}

static enum status commit_all(const struct proposal *p, size_t count)
{
    static const uint8_t tag[HASH_LEN];
    struct proposal_or_ref items[LIST_MAX];
    assert_in_range(count, 1, LIST_MAX);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct proposal_or_ref){.type = PROPOSAL_BY_VALUE, .proposal = p[i]};
    return commit_items(items, count, SPAN(tag));
}

static struct proposal psk_proposal(const uint8_t nonce[static SECRET_LEN])
{
    struct proposal p = {.type = PROPOSAL_PSK};
    p.u.psk = (struct psk_id){
        .type = PSK_EXTERNAL, .external_id = span_text("psk"), .nonce = SPAN_OF(nonce, SECRET_LEN)};
    return p;
}

/* ---- §12.2: lists ---- */

static void one_psk_id_stands_once_in_a_commit(void **state)
{
    (void)state;
    const uint8_t one[SECRET_LEN] = {1}, two[SECRET_LEN] = {2};
    const struct proposal same[] = {psk_proposal(one), psk_proposal(one)};
    const struct proposal apart[] = {psk_proposal(one), psk_proposal(two)}; /* another nonce: another id */
    assert_status(commit_all(same, 2), ST_MLS_PROPOSAL_LIST);
    assert_ok(commit_all(apart, 2));
}

static void too_many_psks_are_refused_in_public_by_all_alike(void **state)
{
    (void)state;
    uint8_t nonces[MLS_PSKS_MAX + 1][SECRET_LEN] = {{0}};
    struct proposal list[MLS_PSKS_MAX + 1];
    for (uint8_t i = 0; i <= MLS_PSKS_MAX; i++) {
        nonces[i][0] = i;
        list[i] = psk_proposal(nonces[i]);
    }
    assert_ok(commit_all(list, MLS_PSKS_MAX));
    assert_status(commit_all(list, MLS_PSKS_MAX + 1), ST_MLS_PSK_COUNT);
}

static void group_context_extensions_stand_once_in_a_commit(void **state)
{
    (void)state;
    const struct proposal twice[] = {{.type = PROPOSAL_EXTENSIONS}, {.type = PROPOSAL_EXTENSIONS}};
    assert_status(commit_all(twice, 2), ST_MLS_PROPOSAL_LIST);
}

static void the_committers_own_update_is_refused(void **state)
{
    (void)state;
    struct proposal p = {.type = PROPOSAL_UPDATE};
    p.u.update = *ratchet_tree_leaf(&w.m[1].group->now->tree, 1);
    assert_status(commit_all(&p, 1), ST_MLS_PROPOSAL_SENDER);
}

static void one_proposal_is_not_committed_twice_by_reference(void **state)
{
    (void)state;
    const struct mls_propose_args a = {
        .key = &w.m[2].key, .kind = MLS_PROPOSE_PSK, .psk_id = span_text("psk")};
    assert_ok(mls_group_propose(w.m[2].group, &a, &w.m[2].entropy.entropy, &w.message));
    assert_ok(test_hear_status(&w.m[0], buffer_span(&w.message)));
    static const uint8_t tag[HASH_LEN];
    const struct proposal_or_ref ref = {.type = PROPOSAL_BY_REF, .ref = SPAN(w.m[0].group->pending[0]->ref)};
    const struct proposal_or_ref twice[] = {ref, ref};
    assert_status(commit_items(twice, 2, SPAN(tag)), ST_MLS_PROPOSAL_LIST);
    assert_ok(commit_items(&ref, 1, SPAN(tag)));
}

static void a_proposal_of_an_epoch_that_has_ended_is_refused(void **state)
{
    (void)state;
    const struct mls_propose_args a = {.key = &w.m[1].key, .kind = MLS_PROPOSE_REMOVE, .leaf = 2};
    struct buffer old;
    buffer_init(&old, MESSAGE_MAX);
    assert_ok(mls_group_propose(w.m[1].group, &a, &w.m[1].entropy.entropy, &old));
    struct mls_commit_args c = test_commit_args(&w.m[3]);
    test_commit(&w.m[3], &c, w.all, NULL);
    assert_status(test_hear_status(&w.m[0], buffer_span(&old)), ST_MLS_EPOCH_OLD);
    assert_int_equal(mls_group_pending_count(w.m[1].group), 0); /* its own went with the epoch */
    buffer_wipe(&old);
}

static void a_proposal_of_an_unknown_type_voids_the_commit(void **state)
{
    (void)state;
    static const uint8_t tag[HASH_LEN], grease[] = {4, PROPOSAL_BY_VALUE, 0x0a, 0x0a, 0, 0};
    send_public(CONTENT_COMMIT, SPAN(grease), SPAN(tag)); /* proposals<V> of 4 bytes, no path */
    assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), ST_MLS_PROPOSAL_TYPE);
}

static void required_capabilities_that_a_member_lacks_are_refused(void **state)
{
    (void)state;
    static const uint8_t needs[] = {2, 0x77, 0x77, 0, 0}; /* an extension that nobody has */
    const struct mls_extension list[] = {{EXTENSION_REQUIRED_CAPABILITIES, SPAN(needs)},
                                         {TEST_EXTENSION, SPAN_EMPTY}};
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    a.set_extensions = true;
    a.extensions = (struct mls_extension_list){list, 2};
    assert_status(
        mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.welcome),
        ST_MLS_CAPABILITIES);
}

static void an_added_leaf_is_judged_by_the_context_of_the_same_commit(void **state)
{
    (void)state;
    static const uint8_t needs[] = {0, 0, 2, 0, 2}; /* credential type x509 */
    const struct mls_extension list[] = {{EXTENSION_REQUIRED_CAPABILITIES, SPAN(needs)}};
    const struct span package = test_member_package(&w.m[MEMBERS]);
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    a.set_extensions = true;
    a.extensions = (struct mls_extension_list){list, 1};
    a.adds = &package;
    a.add_count = 1;
    assert_status(
        mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.welcome),
        ST_MLS_CAPABILITIES);
}

/* ---- §7.3: lifetimes of what is sent ---- */

static void a_key_package_outside_its_lifetime_is_not_proposed(void **state)
{
    (void)state;
    struct mls_propose_args a = {
        .key = &w.m[1].key, .kind = MLS_PROPOSE_ADD, .key_package = test_member_package(&w.m[MEMBERS])};
    const struct mls_key_package_args old = {
        .self = test_member_self(&w.m[MEMBERS]), .not_before_ms = 1000, .not_after_ms = 2000};
    assert_ok(mls_key_package_new(&old, &w.m[MEMBERS].entropy.entropy, w.m[MEMBERS].ref,
                                  &w.m[MEMBERS].package, &w.m[MEMBERS].record));
    a.key_package = buffer_span(&w.m[MEMBERS].package);
    a.now_ms = 3001;
    assert_status(mls_group_propose(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.message), ST_MLS_LIFETIME);
    a.now_ms = 1500;
    assert_ok(mls_group_propose(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.message));
    assert_ok(test_hear_status(&w.m[0], buffer_span(&w.message))); /* receivers look at no clock */
}

/* ---- §6.1, §12.4.2: tags, paths, epochs ---- */

static void a_confirmation_tag_of_another_length_is_refused_in_public(void **state)
{
    (void)state;
    static const uint8_t tag[HASH_LEN + 1], nonce[SECRET_LEN];
    const struct proposal_or_ref item = {.type = PROPOSAL_BY_VALUE, .proposal = psk_proposal(nonce)};
    assert_status(commit_items(&item, 1, SPAN_OF(tag, HASH_LEN - 1)), ST_WIRE_VALUE);
    assert_status(commit_items(&item, 1, SPAN(tag)), ST_WIRE_VALUE);
    assert_status(commit_items(&item, 1, SPAN_EMPTY), ST_WIRE_VALUE);
    assert_ok(commit_items(&item, 1, SPAN_OF(tag, HASH_LEN))); /* wrong, but that is found in private */
}

static void an_empty_commit_has_a_path(void **state)
{
    (void)state;
    static const uint8_t tag[HASH_LEN];
    assert_status(commit_items(NULL, 0, SPAN(tag)), ST_MLS_PATH_MISSING);
}

static void a_commit_ends_its_epoch_once(void **state)
{
    (void)state;
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    assert_ok(mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.welcome));
    test_follow(&w.m[0], buffer_span(&w.message));
    assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), ST_MLS_EPOCH_OLD);
}

static void the_last_epoch_is_not_followed_by_the_first(void **state)
{
    (void)state;
    static const uint8_t tag[HASH_LEN], nonce[SECRET_LEN];
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    w.m[0].group->now->context.epoch = w.m[1].group->now->context.epoch = UINT64_MAX;
    assert_status(
        mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.welcome),
        ST_MLS_EPOCH_LAST);
    const struct proposal_or_ref item = {.type = PROPOSAL_BY_VALUE, .proposal = psk_proposal(nonce)};
    assert_status(commit_items(&item, 1, SPAN(tag)), ST_MLS_EPOCH_LAST);
}

/* ---- waiting proposals that no valid tree comes of ---- */

static void propose(size_t by, struct mls_propose_args *a)
{
    a->key = &w.m[by].key;
    w.message.len = 0;
    assert_ok(mls_group_propose(w.m[by].group, a, &w.m[by].entropy.entropy, &w.message));
    for (size_t i = 0; i < MEMBERS; i++) {
        if (i != by)
            assert_ok(test_hear_status(&w.m[i], buffer_span(&w.message)));
    }
}

/* Each by itself is a good proposal; that the group cannot have it shows when it is applied. */
static void T25_a_bad_proposal_of_another_does_not_stop_the_committer(void **state)
{
    (void)state;
    const struct mls_extension unknown = {0x5555, SPAN_EMPTY};
    struct mls_key_package_args plain = {.self = test_member_self(&w.m[MEMBERS]), .not_after_ms = INT64_MAX};
    plain.self.extension_count = 0; /* lacks what the context requires */
    assert_ok(mls_key_package_new(&plain, &w.m[MEMBERS].entropy.entropy, w.m[MEMBERS].ref,
                                  &w.m[MEMBERS].package, &w.m[MEMBERS].record));
    struct mls_propose_args bad_add = {.kind = MLS_PROPOSE_ADD,
                                       .key_package = buffer_span(&w.m[MEMBERS].package)};
    struct mls_propose_args member = {.kind = MLS_PROPOSE_ADD, .key_package = test_member_package(&w.m[0])};
    struct mls_propose_args extensions = {.kind = MLS_PROPOSE_EXTENSIONS, .extensions = {&unknown, 1}};
    struct mls_propose_args update = {.kind = MLS_PROPOSE_UPDATE};
    propose(2, &bad_add);
    propose(2, &member); /* is in the group already */
    propose(2, &extensions);
    propose(3, &update);
    const struct mls_change *changes;
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    a.take_pending = true;
    assert_ok(mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.welcome));
    assert_int_equal(mls_staged_changes(w.staged, &changes), 2);
    assert_int_equal(changes[0].kind, MLS_CHANGE_UPDATE);
    assert_int_equal(changes[0].leaf, 3);
    test_follow(&w.m[0], buffer_span(&w.message));
    test_follow(&w.m[2], buffer_span(&w.message));
    assert_int_equal(mls_group_pending_count(w.m[0].group), 0);
}

static void a_waiting_add_is_judged_by_the_context_of_the_commit(void **state)
{
    (void)state;
    struct mls_key_package_args plain = {.self = test_member_self(&w.m[MEMBERS]), .not_after_ms = INT64_MAX};
    plain.self.extension_count = 0;
    assert_ok(mls_key_package_new(&plain, &w.m[MEMBERS].entropy.entropy, w.m[MEMBERS].ref,
                                  &w.m[MEMBERS].package, &w.m[MEMBERS].record));
    struct mls_propose_args add = {.kind = MLS_PROPOSE_ADD,
                                   .key_package = buffer_span(&w.m[MEMBERS].package)};
    struct mls_propose_args none = {.kind = MLS_PROPOSE_EXTENSIONS};
    propose(2, &add);
    propose(3, &none); /* with a context that asks for nothing, the Add is good */
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    a.take_pending = true;
    assert_ok(mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.welcome));
    test_follow(&w.m[0], buffer_span(&w.message));
    test_member_join(&w.m[MEMBERS], buffer_span(&w.welcome));
    assert_int_equal(mls_group_member_count(w.m[0].group), MEMBERS + 1);
}

/* ---- keys that nobody can seal to ---- */

static const uint8_t weak_key[DH_LEN] = {1};

static void T25_an_update_with_a_weak_key_is_refused_in_public(void **state)
{
    (void)state;
    struct writer wr;
    struct buffer leaf;
    struct proposal p = {.type = PROPOSAL_UPDATE};
    struct leaf_node n = *ratchet_tree_leaf(&w.m[1].group->now->tree, 1);
    const struct leaf_place place = {mls_group_id(w.m[1].group), 1};
    buffer_init(&leaf, MLS_LEAF_MAX);
    n.encryption_key = SPAN(weak_key);
    n.source = LEAF_UPDATE;
    assert_ok(leaf_node_sign(&n, &place, &w.m[1].key, &leaf));
    assert_ok(leaf_node_decode(&p.u.update, buffer_span(&leaf)));
    writer_init(&wr, &w.body);
    proposal_write(&wr, &p);
    assert_ok(writer_done(&wr));
    send_public(CONTENT_PROPOSAL, buffer_span(&w.body), SPAN_EMPTY);
    assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), ST_CRYPTO_BAD_KEY);
    buffer_wipe(&leaf);
}

static void T25_a_key_package_with_a_weak_key_is_refused(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        struct message m;
        struct buffer leaf, package;
        buffer_init(&leaf, MLS_LEAF_MAX);
        buffer_init(&package, MESSAGE_MAX);
        assert_ok(message_decode(&m, test_member_package(&w.m[MEMBERS])));
        struct key_package p = m.u.key_package;
        if (which == 0)
            p.leaf.encryption_key = SPAN(weak_key);
        else
            p.init_key = SPAN(weak_key);
        assert_ok(leaf_node_sign(&p.leaf, NULL, &w.m[MEMBERS].key, &leaf));
        assert_ok(leaf_node_decode(&p.leaf, buffer_span(&leaf)));
        assert_ok(key_package_sign(&p, &w.m[MEMBERS].key, &package));
        struct proposal add = {.type = PROPOSAL_ADD};
        assert_ok(key_package_decode(&add.u.add, buffer_span(&package)));
        assert_status(commit_all(&add, 1), ST_CRYPTO_BAD_KEY);
        buffer_wipe(&leaf);
        buffer_wipe(&package);
    }
}

/* The path of m1's commit, with the key of its first node made weak. */
static void T25_a_path_with_a_weak_key_is_refused_in_public(void **state)
{
    (void)state;
    struct ratchet_tree tree;
    struct buffer nodes;
    struct writer wr;
    struct reader r;
    struct update_path_node node;
    const struct mls_commit_args a = test_commit_args(&w.m[1]);
    assert_ok(mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.welcome));
    struct update_path path = w.staged->commit.content.u.commit.path;
    reader_init(&r, path.nodes);
    update_path_node_read(&r, &node);
    node.encryption_key = SPAN(weak_key);
    buffer_init(&nodes, MESSAGE_MAX);
    writer_init(&wr, &nodes);
    update_path_node_write(&wr, &node);
    writer_bytes(&wr, reader_take(&r, reader_left(&r)));
    assert_ok(writer_done(&wr));
    path.nodes = buffer_span(&nodes);
    const struct treekem_take_args take = {.sender = 1, .path = &path};
    const struct tree_context c = {mls_group_id(w.m[0].group), &w.m[0].group->now->context.extensions};
    assert_ok(ratchet_tree_copy(&tree, &w.m[0].group->now->tree));
    assert_status(treekem_merge(&tree, &c, &take), ST_CRYPTO_BAD_KEY);
    ratchet_tree_wipe(&tree);
    buffer_wipe(&nodes);
}

static void T25_a_tree_with_a_weak_parent_is_not_joined(void **state)
{
    (void)state;
    struct ratchet_tree tree;
    struct writer wr;
    const struct parent_node weak = {.encryption_key = SPAN(weak_key)};
    const struct tree_context c = {mls_group_id(w.m[0].group), &w.m[0].group->now->context.extensions};
    writer_init(&wr, &w.body);
    parent_node_write(&wr, &weak);
    assert_ok(writer_done(&wr));
    assert_ok(ratchet_tree_copy(&tree, &w.m[0].group->now->tree));
    assert_ok(ratchet_tree_put_parent(&tree, tree_root(tree.leaf_count), buffer_span(&w.body)));
    assert_status(tree_validate(&tree, &c, SPAN(weak_key)), ST_CRYPTO_BAD_KEY);
    ratchet_tree_wipe(&tree);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(one_psk_id_stands_once_in_a_commit),
        T(too_many_psks_are_refused_in_public_by_all_alike),
        T(group_context_extensions_stand_once_in_a_commit),
        T(the_committers_own_update_is_refused),
        T(one_proposal_is_not_committed_twice_by_reference),
        T(a_proposal_of_an_epoch_that_has_ended_is_refused),
        T(a_proposal_of_an_unknown_type_voids_the_commit),
        T(required_capabilities_that_a_member_lacks_are_refused),
        T(an_added_leaf_is_judged_by_the_context_of_the_same_commit),
        T(a_key_package_outside_its_lifetime_is_not_proposed),
        T(a_confirmation_tag_of_another_length_is_refused_in_public),
        T(an_empty_commit_has_a_path),
        T(a_commit_ends_its_epoch_once),
        T(the_last_epoch_is_not_followed_by_the_first),
        T(T25_a_bad_proposal_of_another_does_not_stop_the_committer),
        T(a_waiting_add_is_judged_by_the_context_of_the_commit),
        T(T25_an_update_with_a_weak_key_is_refused_in_public),
        T(T25_a_key_package_with_a_weak_key_is_refused),
        T(T25_a_path_with_a_weak_key_is_refused_in_public),
        T(T25_a_tree_with_a_weak_parent_is_not_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
