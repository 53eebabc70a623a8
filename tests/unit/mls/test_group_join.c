/* SPDX-License-Identifier: Apache-2.0 */
/* Welcomes that are not what they should be. Each was sealed for the joiner with the right keys by somebody
 * inside: a good Welcome is opened with the joiner's own keys, changed in one thing, signed again where the
 * attack may, and sealed again. */
#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/staged.h"
#include "protocol/mls/tree_hash.h"
#include "tests/support/test.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_member.h"

enum { MEMBERS = 4, PLAIN_MAX = 1 << 20 };

struct world {
    struct test_member m[MEMBERS + 2];
    struct test_member *all[MEMBERS + 3];
    struct test_member *joiner;
    struct buffer message, welcome, secrets_plain, info_plain, store, again;
    struct mls_staged *staged;
    struct group_secrets secrets;
    struct group_info info;
    struct mls_group *group;
    size_t live;
};

static struct world w;

/* Opens the Welcome with the joiner's keys, which the test knows. */
static void open_welcome(void)
{
    struct message m;
    struct key_package_record own;
    struct hpke_ciphertext mine;
    struct secret joiner, no_psk = {0};
    assert_ok(message_decode(&m, buffer_span(&w.welcome)));
    assert_ok(key_package_record_read(&own, buffer_span(&w.joiner->record)));
    assert_ok(welcome_find(&m.u.welcome, w.joiner->ref, &mine));
    assert_ok(welcome_open_secrets(&m.u.welcome, &mine, &own.init, &w.secrets_plain, &w.secrets));
    memcpy(joiner.b, w.secrets.joiner_secret.ptr, SECRET_LEN);
    assert_ok(welcome_open_info(&m.u.welcome, &joiner, &no_psk, &w.info_plain, &w.info));
}

static int setup(void **state)
{
    (void)state;
    w = (struct world){.live = mem_live(), .joiner = &w.m[MEMBERS]};
    buffer_init(&w.message, PLAIN_MAX);
    buffer_init(&w.welcome, PLAIN_MAX);
    buffer_init(&w.secrets_plain, PLAIN_MAX);
    buffer_init(&w.info_plain, PLAIN_MAX);
    buffer_init(&w.store, PLAIN_MAX);
    buffer_init(&w.again, PLAIN_MAX);
    test_family(w.m, w.all, MEMBERS);
    test_member_init(w.joiner, "new");
    test_member_init(&w.m[MEMBERS + 1], "other");
    const struct span package = test_member_package(w.joiner);
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    a.adds = &package;
    a.add_count = 1;
    a.force_path = true;
    assert_ok(mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.welcome));
    open_welcome();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mls_staged_free(w.staged);
    mls_group_free(w.group);
    test_family_free(w.m, MEMBERS + 2);
    struct buffer *const all[] = {&w.message,    &w.welcome, &w.secrets_plain,
                                  &w.info_plain, &w.store,   &w.again};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        buffer_wipe(all[i]);
    assert_int_equal(mem_live(), w.live);
    return 0;
}

/* Signs w.info as `by` (NULL: keeps the signature), seals it and w.secrets again, and joins. */
static enum status join_by(const struct test_member *by)
{
    struct buffer info, sealed, list;
    struct writer wr;
    struct secret joiner, no_psk = {0};
    struct key_package_record own;
    buffer_init(&info, PLAIN_MAX);
    buffer_init(&sealed, PLAIN_MAX);
    buffer_init(&list, PLAIN_MAX);
    memcpy(joiner.b, w.secrets.joiner_secret.ptr, SECRET_LEN);
    writer_init(&wr, &info);
    if (by != NULL)
        assert_ok(group_info_sign(&w.info, &by->key, &info));
    else
        group_info_write(&wr, &w.info);
    assert_ok(writer_done(&wr));
    assert_ok(welcome_seal_info(buffer_span(&info), &joiner, &no_psk, &sealed));
    assert_ok(key_package_record_read(&own, buffer_span(&w.joiner->record)));
    assert_ok(welcome_seal_secrets(&w.secrets,
                                   &(struct welcome_recipient){SPAN(w.joiner->ref), own.package.init_key},
                                   buffer_span(&sealed), &w.joiner->entropy.entropy, &list));
    w.again.len = 0;
    writer_init(&wr, &w.again);
    message_write_header(&wr, WIRE_WELCOME);
    welcome_write(&wr, &(struct welcome){.cipher_suite = SUITE_ID,
                                         .secrets = buffer_span(&list),
                                         .encrypted_group_info = buffer_span(&sealed)});
    assert_ok(writer_done(&wr));
    buffer_wipe(&info);
    buffer_wipe(&sealed);
    buffer_wipe(&list);
    const struct mls_join_args a = {.welcome = buffer_span(&w.again),
                                    .key_package_record = buffer_span(&w.joiner->record)};
    enum status s = mls_group_join(&w.group, &a);
    assert_true((s == ST_OK) == (w.group != NULL));
    return s;
}

/* ---- */

static void an_unchanged_welcome_joins(void **state)
{
    (void)state;
    assert_ok(join_by(&w.m[1]));
    assert_int_equal(mls_group_member_count(w.group), MEMBERS + 1);
}

static void the_group_info_is_signed_by_the_leaf_that_it_names(void **state)
{
    (void)state;
    assert_status(join_by(&w.m[2]), ST_MLS_GROUP_INFO);
    w.info.signer = 2;
    assert_status(join_by(&w.m[1]), ST_MLS_GROUP_INFO);
    w.info.signer = 7; /* blank */
    assert_status(join_by(&w.m[1]), ST_MLS_NOT_A_MEMBER);
    w.info.signer = 1;
    assert_ok(join_by(NULL));
}

static void the_tree_is_the_one_of_the_context(void **state)
{
    (void)state;
    uint8_t hash[HASH_LEN];
    memcpy(hash, w.info.context.tree_hash.ptr, HASH_LEN);
    hash[0] ^= 1;
    w.info.context.tree_hash = SPAN(hash);
    assert_status(join_by(&w.m[1]), ST_MLS_TREE_HASH);
    w.info.context.tree_hash.len = 0;
    assert_status(join_by(&w.m[1]), ST_MLS_TREE_HASH);
}

/* Puts another tree into the GroupInfo, with its own hash: what a signer that lies consistently can send. */
static void set_tree(struct ratchet_tree *t, uint8_t hash[static HASH_LEN])
{
    struct writer wr;
    struct buffer tree;
    buffer_init(&tree, PLAIN_MAX);
    writer_init(&wr, &tree);
    ratchet_tree_write(&wr, t);
    w.store.len = 0;
    writer_init(&wr, &w.store);
    extension_write(&wr, EXTENSION_RATCHET_TREE, buffer_span(&tree));
    assert_ok(writer_done(&wr));
    tree_hash_root(t, hash);
    w.info.extensions.list = buffer_span(&w.store);
    w.info.context.tree_hash = SPAN_OF(hash, HASH_LEN);
    buffer_wipe(&tree);
}

static void a_tree_with_a_false_parent_is_refused(void **state)
{
    (void)state;
    struct ratchet_tree t;
    struct buffer bad;
    uint8_t hash[HASH_LEN];
    assert_ok(ratchet_tree_copy(&t, &w.staged->next->tree));
    buffer_init(&bad, PLAIN_MAX);
    uint32_t root = t.leaf_count - 1;
    assert_ok(buffer_append(&bad, ratchet_tree_encoded(&t, root)));
    bad.ptr[5] ^= 1; /* in the key: whose private half the liar might know */
    assert_ok(ratchet_tree_put_parent(&t, root, buffer_span(&bad)));
    set_tree(&t, hash);
    assert_status(join_by(&w.m[1]), ST_MLS_PARENT_HASH);
    ratchet_tree_wipe(&t);
    buffer_wipe(&bad);
}

static void a_tree_without_us_is_refused(void **state)
{
    (void)state;
    struct ratchet_tree t;
    uint8_t hash[HASH_LEN];
    assert_ok(ratchet_tree_copy(&t, &w.staged->next->tree));
    assert_ok(ratchet_tree_remove(&t, MEMBERS));
    set_tree(&t, hash);
    assert_status(join_by(&w.m[1]), ST_MLS_WELCOME);
    ratchet_tree_wipe(&t);
}

static void the_confirmation_tag_is_the_epochs(void **state)
{
    (void)state;
    uint8_t tag[HASH_LEN];
    memcpy(tag, w.info.confirmation_tag.ptr, HASH_LEN);
    tag[31] ^= 1;
    w.info.confirmation_tag = SPAN(tag);
    assert_status(join_by(&w.m[1]), ST_MLS_PRIVATE_TAG);
    w.info.confirmation_tag.len = 0;
    assert_status(join_by(&w.m[1]), ST_MLS_PRIVATE_TAG);
}

static void the_path_secret_gives_the_keys_of_the_tree(void **state)
{
    (void)state;
    uint8_t secret[SECRET_LEN] = {1};
    assert_true(w.secrets.has_path_secret);
    w.secrets.path_secret = SPAN(secret);
    assert_status(join_by(&w.m[1]), ST_MLS_PATH_KEY);
    w.secrets.path_secret.len = 31;
    assert_status(join_by(&w.m[1]), ST_CRYPTO_LENGTH);
}

static void other_suites_and_versions_are_refused(void **state)
{
    (void)state;
    w.info.context.cipher_suite = 1;
    assert_status(join_by(&w.m[1]), ST_MLS_SUITE);
    w.info.context.cipher_suite = SUITE_ID;
    w.info.context.version = 2;
    assert_status(join_by(&w.m[1]), ST_MLS_SUITE);
}

static void branching_psks_are_refused_by_name(void **state)
{
    (void)state;
    struct writer wr;
    static const uint8_t nonce[SECRET_LEN];
    w.store.len = 0;
    writer_init(&wr, &w.store);
    psk_id_write(&wr, &(struct psk_id){.type = PSK_RESUMPTION,
                                       .usage = PSK_USAGE_BRANCH,
                                       .group_id = span_text("other"),
                                       .nonce = SPAN(nonce)});
    w.secrets.psks = buffer_span(&w.store);
    assert_status(join_by(&w.m[1]), ST_MLS_BRANCH);
}

static void extensions_of_the_context_must_be_understood(void **state)
{
    (void)state;
    w.info.context.extensions.list = test_hex("5555 00");
    assert_status(join_by(&w.m[1]), ST_MLS_CAPABILITIES);
    test_hex_free();
}

static void unknown_extensions_of_the_group_info_are_ignored(void **state)
{
    (void)state;
    struct buffer list;
    struct writer wr;
    buffer_init(&list, PLAIN_MAX);
    writer_init(&wr, &list);
    writer_bytes(&wr, w.info.extensions.list);
    extension_write(&wr, 0x0a0a, span_text("grease"));
    assert_ok(writer_done(&wr));
    w.info.extensions.list = buffer_span(&list);
    assert_ok(join_by(&w.m[1]));
    buffer_wipe(&list);
}

static void a_welcome_for_another_key_package_is_not_ours(void **state)
{
    (void)state;
    struct test_member *other = &w.m[MEMBERS + 1];
    test_member_package(other);
    const struct mls_join_args a = {.welcome = buffer_span(&w.welcome),
                                    .key_package_record = buffer_span(&other->record)};
    assert_false(mls_welcome_names(buffer_span(&w.welcome), other->ref));
    assert_status(mls_group_join(&w.group, &a), ST_MLS_NOT_FOR_US);
}

static void every_flip_of_a_welcome_is_refused(void **state)
{
    (void)state;
    const struct mls_join_args a = {.welcome = buffer_span(&w.welcome),
                                    .key_package_record = buffer_span(&w.joiner->record)};
    for (size_t bit = 0; bit < 8 * w.welcome.len; bit += 7) {
        w.welcome.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(mls_group_join(&w.group, &a) != ST_OK);
        assert_null(w.group);
        w.welcome.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void joining_without_memory_fails_and_leaks_nothing(void **state)
{
    (void)state;
    const struct mls_join_args a = {.welcome = buffer_span(&w.welcome),
                                    .key_package_record = buffer_span(&w.joiner->record)};
    size_t live = mem_live();
    enum status s = ST_NO_MEMORY;
    for (size_t n = 1; s != ST_OK && n < 2000; n++) {
        mem_fail_after(n);
        s = mls_group_join(&w.group, &a);
        mem_fail_after(0);
        assert_true(s == ST_OK || mem_live() == live);
    }
    assert_ok(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(an_unchanged_welcome_joins),
        T(the_group_info_is_signed_by_the_leaf_that_it_names),
        T(the_tree_is_the_one_of_the_context),
        T(a_tree_with_a_false_parent_is_refused),
        T(a_tree_without_us_is_refused),
        T(the_confirmation_tag_is_the_epochs),
        T(the_path_secret_gives_the_keys_of_the_tree),
        T(other_suites_and_versions_are_refused),
        T(branching_psks_are_refused_by_name),
        T(extensions_of_the_context_must_be_understood),
        T(unknown_extensions_of_the_group_info_are_ignored),
        T(a_welcome_for_another_key_package_is_not_ours),
        T(every_flip_of_a_welcome_is_refused),
        T(joining_without_memory_fails_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
