/* SPDX-License-Identifier: Apache-2.0 */
/* Whole groups: founding, joining, the changes of a commit, what it costs the others. */
#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/group_internal.h"
#include "tests/support/test.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_member.h"

enum { MEMBERS = 5, MESSAGE_MAX = 4 << 20 };

struct world {
    struct test_member m[MEMBERS + 2];
    struct test_member *all[MEMBERS + 3];
    struct buffer message, welcome;
    struct mls_staged *staged;
    size_t live;
};

static struct world w;

static int setup(void **state)
{
    (void)state;
    w = (struct world){.live = mem_live()};
    buffer_init(&w.message, MESSAGE_MAX);
    buffer_init(&w.welcome, MESSAGE_MAX);
    test_family(w.m, w.all, MEMBERS);
    test_member_init(&w.m[MEMBERS], "new");
    test_member_init(&w.m[MEMBERS + 1], "newer");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mls_staged_free(w.staged);
    test_family_free(w.m, MEMBERS + 2);
    buffer_wipe(&w.message);
    buffer_wipe(&w.welcome);
    assert_int_equal(mem_live(), w.live);
    return 0;
}

static enum status commit_by(size_t i, const struct mls_commit_args *a)
{
    return mls_group_commit(w.m[i].group, a, &w.m[i].entropy.entropy, &w.staged, &w.message, &w.welcome);
}

/* ---- */

static void a_family_agrees_and_talks(void **state)
{
    (void)state;
    assert_agree(w.all);
    for (size_t i = 0; i < MEMBERS; i++) {
        test_say(&w.m[i], &w.m[(i + 1) % MEMBERS], "hello");
        test_say(&w.m[i], &w.m[(i + 1) % MEMBERS], "");
    }
}

static void a_removed_member_learns_of_it_and_no_more(void **state)
{
    (void)state;
    const uint32_t gone = 2;
    struct mls_commit_args a = test_commit_args(&w.m[0]);
    a.removes = &gone;
    a.remove_count = 1;
    assert_ok(commit_by(0, &a));
    struct mls_staged *s = test_receive_commit(&w.m[2], buffer_span(&w.message));
    assert_true(mls_staged_removes_us(s));
    assert_ok(mls_staged_open(w.m[2].group, s, NULL));
    mls_group_merge(w.m[2].group, s);
    assert_false(mls_group_is_member(w.m[2].group));
    uint8_t out[32], zero[32] = {0};
    assert_status(mls_group_export(w.m[2].group, "x", SPAN_EMPTY, out, 32), ST_MLS_REMOVED);
    mls_group_authenticator(w.m[2].group, out);
    assert_memory_equal(out, zero, 32);
    test_follow(&w.m[1], buffer_span(&w.message));
    mls_group_merge(w.m[0].group, w.staged);
    w.staged = NULL;
    struct test_member *const left[] = {&w.m[0], &w.m[1], NULL};
    assert_agree(left);
    assert_int_equal(mls_group_member_count(w.m[0].group), MEMBERS - 1);
    buffer_wipe(&w.message);
    test_protect(&w.m[0], "without you", &w.message);
    assert_status(test_hear_status(&w.m[2], buffer_span(&w.message)), ST_MLS_REMOVED);
}

static void changes_say_who_came_and_went(void **state)
{
    (void)state;
    const uint32_t gone = 3;
    const struct span package = test_member_package(&w.m[MEMBERS]);
    const struct mls_extension extension = {TEST_EXTENSION, span_text("other")};
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    a.removes = &gone;
    a.remove_count = 1;
    a.adds = &package;
    a.add_count = 1;
    a.set_extensions = true;
    a.extensions = (struct mls_extension_list){&extension, 1};
    a.identity = span_text("m1 renamed");
    a.authenticated_data = span_text("evidence");
    assert_ok(commit_by(1, &a));
    struct mls_staged *s = test_receive_commit(&w.m[0], buffer_span(&w.message));
    struct mls_staged *const both[] = {w.staged, s};
    for (size_t k = 0; k < 2; k++) {
        const struct mls_change *c;
        struct span data;
        assert_int_equal(mls_staged_changes(both[k], &c), 4);
        assert_int_equal(c[0].kind, MLS_CHANGE_EXTENSIONS);
        assert_int_equal(c[1].kind, MLS_CHANGE_REMOVE);
        assert_int_equal(c[1].leaf, 3);
        assert_span(c[1].identity_old, span_text("m3"));
        assert_int_equal(c[2].kind, MLS_CHANGE_ADD);
        assert_span(c[2].identity_new, span_text("new"));
        assert_int_equal(c[2].leaf, 3);
        assert_int_equal(c[3].kind, MLS_CHANGE_UPDATE);
        assert_int_equal(c[3].leaf, 1);
        assert_span(c[3].identity_old, span_text("m1"));
        assert_span(c[3].identity_new, span_text("m1 renamed"));
        assert_span(mls_staged_authenticated_data(both[k]), span_text("evidence"));
        assert_true(mls_staged_extension(both[k], TEST_EXTENSION, &data));
        assert_span(data, span_text("other"));
        assert_int_equal(mls_staged_committer(both[k]), 1);
    }
    uint8_t hash[2][32];
    mls_staged_message_hash(w.staged, hash[0]);
    mls_staged_message_hash(s, hash[1]);
    assert_memory_equal(hash[0], hash[1], 32);
    assert_true(mls_group_extension(w.m[0].group, TEST_EXTENSION, &(struct span){0}));
    assert_ok(mls_staged_open(w.m[0].group, s, NULL));
    mls_group_merge(w.m[0].group, s);
    mls_group_merge(w.m[1].group, w.staged);
    w.staged = NULL;
    test_member_join(&w.m[MEMBERS], buffer_span(&w.welcome));
    struct test_member *const now[] = {&w.m[0], &w.m[1], &w.m[MEMBERS], NULL};
    assert_agree(now);
    test_say(&w.m[MEMBERS], &w.m[0], "hello");
    test_say(&w.m[1], &w.m[MEMBERS], "welcome");
}

static void staging_changes_nothing_until_the_merge(void **state)
{
    (void)state;
    const struct mls_commit_args a = test_commit_args(&w.m[1]);
    assert_ok(commit_by(1, &a));
    uint8_t before[32], after[32];
    mls_group_authenticator(w.m[0].group, before);
    struct mls_staged *s = test_receive_commit(&w.m[0], buffer_span(&w.message));
    assert_status(mls_staged_authenticator(s, after), ST_MLS_STAGED);
    assert_ok(mls_staged_open(w.m[0].group, s, NULL));
    mls_group_authenticator(w.m[0].group, after);
    assert_memory_equal(before, after, 32);
    test_say(&w.m[0], &w.m[2], "still here");
    mls_staged_free(s);
    test_say(&w.m[1], &w.m[0], "and here");
}

static void an_own_pending_commit_loses_against_a_received_one(void **state)
{
    (void)state;
    const struct mls_commit_args mine = test_commit_args(&w.m[0]), theirs = test_commit_args(&w.m[1]);
    struct buffer winner, none;
    struct mls_staged *other;
    buffer_init(&winner, MESSAGE_MAX);
    buffer_init(&none, MESSAGE_MAX);
    assert_ok(commit_by(0, &mine));
    assert_ok(mls_group_commit(w.m[1].group, &theirs, &w.m[1].entropy.entropy, &other, &winner, &none));
    test_follow(&w.m[0], buffer_span(&winner));
    test_follow(&w.m[2], buffer_span(&winner));
    mls_group_merge(w.m[1].group, other);
    struct test_member *const now[] = {&w.m[0], &w.m[1], &w.m[2], NULL};
    assert_agree(now);
    /* the loser is of an epoch that is over, for everybody */
    assert_status(test_hear_status(&w.m[2], buffer_span(&w.message)), ST_MLS_EPOCH_OLD);
    buffer_wipe(&winner);
    buffer_wipe(&none);
}

static void an_own_pending_commit_loses_against_our_removal(void **state)
{
    (void)state;
    const uint32_t gone = 0;
    const struct mls_commit_args mine = test_commit_args(&w.m[0]);
    struct mls_commit_args theirs = test_commit_args(&w.m[1]);
    struct test_records records;
    struct buffer winner, none;
    struct mls_staged *other;
    test_records_init(&records);
    buffer_init(&winner, MESSAGE_MAX);
    buffer_init(&none, MESSAGE_MAX);
    theirs.removes = &gone;
    theirs.remove_count = 1;
    assert_ok(commit_by(0, &mine));
    assert_ok(mls_group_save(w.m[0].group, &records.sink));
    assert_ok(mls_staged_save(w.staged, &records.sink));
    assert_ok(mls_group_commit(w.m[1].group, &theirs, &w.m[1].entropy.entropy, &other, &winner, &none));
    test_follow(&w.m[0], buffer_span(&winner));
    assert_false(mls_group_is_member(w.m[0].group));
    test_reload(&w.m[0], &records);
    assert_false(mls_group_is_member(w.m[0].group));
    test_records_rewind(&records);
    struct mls_staged *lost;
    assert_ok(mls_staged_load(&lost, w.m[0].group, &records.source));
    assert_null(lost);
    mls_staged_free(other);
    buffer_wipe(&winner);
    buffer_wipe(&none);
    test_records_free(&records);
}

static void own_messages_are_told_apart(void **state)
{
    (void)state;
    const struct mls_commit_args a = test_commit_args(&w.m[0]);
    assert_ok(commit_by(0, &a));
    assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), ST_MLS_OWN_MESSAGE);
    buffer_wipe(&w.message);
    test_protect(&w.m[0], "echo", &w.message);
    assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), ST_MLS_OWN_MESSAGE);
}

static void a_commit_of_adds_alone_needs_no_path(void **state)
{
    (void)state;
    const struct span packages[] = {test_member_package(&w.m[MEMBERS]),
                                    test_member_package(&w.m[MEMBERS + 1])};
    struct test_member *const joins[] = {&w.m[MEMBERS], &w.m[MEMBERS + 1], NULL};
    struct mls_commit_args a = test_commit_args(&w.m[2]);
    a.adds = packages;
    a.add_count = 2;
    test_commit(&w.m[2], &a, w.all, joins);
    w.all[MEMBERS] = &w.m[MEMBERS];
    w.all[MEMBERS + 1] = &w.m[MEMBERS + 1];
    assert_agree(w.all);
    const struct mls_commit_args refresh = test_commit_args(&w.m[MEMBERS]);
    test_commit(&w.m[MEMBERS], &refresh, w.all, NULL);
    assert_agree(w.all);
    test_say(&w.m[MEMBERS + 1], &w.m[0], "in");
}

static void another_signing_key_is_refused(void **state)
{
    (void)state;
    struct mls_commit_args a = test_commit_args(&w.m[0]);
    a.key = &w.m[1].key;
    assert_status(commit_by(0, &a), ST_MLS_KEY_MISMATCH);
    assert_null(w.staged);
}

static void external_psks_enter_and_are_asked_for(void **state)
{
    (void)state;
    const struct span id = span_text("psk id");
    const struct mls_psk psk = {id, span_text("a shared secret")}, wrong = {id, span_text("another")};
    const struct span package = test_member_package(&w.m[MEMBERS]);
    struct mls_commit_args a = test_commit_args(&w.m[0]);
    a.adds = &package;
    a.add_count = 1;
    a.psk_ids = &id;
    a.psk_id_count = 1;
    assert_status(commit_by(0, &a), ST_MLS_PSK_UNKNOWN);
    a.psks = (struct mls_psk_list){&psk, 1};
    assert_ok(commit_by(0, &a));
    struct mls_staged *s = test_receive_commit(&w.m[1], buffer_span(&w.message));
    assert_status(mls_staged_open(w.m[1].group, s, NULL), ST_MLS_PSK_UNKNOWN);
    assert_ok(mls_staged_open(w.m[1].group, s, &(struct mls_psk_list){&psk, 1}));
    mls_group_merge(w.m[1].group, s);
    s = test_receive_commit(&w.m[2], buffer_span(&w.message));
    assert_status(mls_staged_open(w.m[2].group, s, &(struct mls_psk_list){&wrong, 1}), ST_MLS_PRIVATE_TAG);
    mls_staged_free(s);
    mls_group_merge(w.m[0].group, w.staged);
    w.staged = NULL;
    struct mls_join_args join = {.welcome = buffer_span(&w.welcome),
                                 .key_package_record = buffer_span(&w.m[MEMBERS].record)};
    assert_status(mls_group_join(&w.m[MEMBERS].group, &join), ST_MLS_PSK_UNKNOWN);
    join.psks = (struct mls_psk_list){&wrong, 1};
    assert_status(mls_group_join(&w.m[MEMBERS].group, &join), ST_CRYPTO_OPEN);
    join.psks = (struct mls_psk_list){&psk, 1};
    assert_ok(mls_group_join(&w.m[MEMBERS].group, &join));
    struct test_member *const now[] = {&w.m[0], &w.m[1], &w.m[MEMBERS], NULL};
    assert_agree(now);
}

static void the_tree_may_travel_apart(void **state)
{
    (void)state;
    const struct span package = test_member_package(&w.m[MEMBERS]);
    struct mls_commit_args a = test_commit_args(&w.m[0]);
    struct buffer tree;
    buffer_init(&tree, MESSAGE_MAX);
    a.adds = &package;
    a.add_count = 1;
    a.tree_apart = true;
    assert_ok(commit_by(0, &a));
    assert_ok(mls_staged_tree(w.staged, &tree));
    struct mls_join_args join = {.welcome = buffer_span(&w.welcome),
                                 .key_package_record = buffer_span(&w.m[MEMBERS].record)};
    assert_status(mls_group_join(&w.m[MEMBERS].group, &join), ST_MLS_TREE_MISSING);
    join.ratchet_tree = buffer_span(&tree);
    assert_ok(mls_group_join(&w.m[MEMBERS].group, &join));
    buffer_wipe(&tree);
}

static void exports_of_all_are_equal(void **state)
{
    (void)state;
    uint8_t a[64], b[64];
    assert_ok(mls_group_export(w.m[0].group, "kith log", span_text("relay"), a, 64));
    assert_ok(mls_group_export(w.m[4].group, "kith log", span_text("relay"), b, 64));
    assert_memory_equal(a, b, 64);
    assert_ok(mls_group_export(w.m[4].group, "kith log", span_text("other"), b, 64));
    assert_memory_not_equal(a, b, 64);
}

static void without_memory_a_commit_fails_and_leaks_nothing(void **state)
{
    (void)state;
    const struct span package = test_member_package(&w.m[MEMBERS]);
    const uint32_t gone = 3;
    struct mls_commit_args a = test_commit_args(&w.m[0]);
    a.adds = &package;
    a.add_count = 1;
    a.removes = &gone;
    a.remove_count = 1;
    enum status s = ST_NO_MEMORY;
    size_t n = 1;
    for (; s != ST_OK && n < 2000; n++) {
        buffer_wipe(&w.message);
        buffer_wipe(&w.welcome);
        size_t live = mem_live();
        mem_fail_after(n);
        s = commit_by(0, &a);
        mem_fail_after(0);
        assert_true(s == ST_OK || s == ST_NO_MEMORY);
        assert_true(s == ST_OK || (w.staged == NULL && w.message.len == 0 && w.welcome.len == 0));
        buffer_wipe(s == ST_OK ? &(struct buffer){0} : &w.message);
        buffer_wipe(s == ST_OK ? &(struct buffer){0} : &w.welcome);
        assert_true(s == ST_OK || mem_live() == live);
    }
    assert_ok(s);
    assert_true(n > 20);
    test_follow(&w.m[1], buffer_span(&w.message));
    test_member_join(&w.m[MEMBERS], buffer_span(&w.welcome));
}

static void without_memory_a_message_is_not_read_and_not_lost(void **state)
{
    (void)state;
    const struct mls_commit_args a = test_commit_args(&w.m[1]);
    struct buffer said;
    struct mls_received r;
    test_protect(&w.m[1], "hello", &said);
    assert_ok(commit_by(1, &a));
    const struct span messages[] = {buffer_span(&said), buffer_span(&w.message)};
    for (size_t i = 0; i < 2; i++) {
        enum status s = ST_NO_MEMORY;
        for (size_t n = 1; s != ST_OK && n < 2000; n++) {
            size_t live = mem_live();
            mem_fail_after(n);
            s = mls_group_receive(w.m[0].group, messages[i], &r);
            mem_fail_after(0);
            assert_true(s == ST_OK || s == ST_NO_MEMORY);
            assert_true(s == ST_OK || mem_live() <= live + 1); /* a secret tree grows a little */
        }
        assert_ok(s);
        mls_received_wipe(&r);
    }
    buffer_wipe(&said);
}

static void without_memory_a_staged_epoch_is_not_opened_and_not_lost(void **state)
{
    (void)state;
    const struct mls_commit_args a = test_commit_args(&w.m[1]);
    assert_ok(commit_by(1, &a));
    struct mls_staged *s = test_receive_commit(&w.m[0], buffer_span(&w.message));
    enum status st = ST_NO_MEMORY;
    for (size_t n = 1; st != ST_OK && n < 2000; n++) {
        mem_fail_after(n);
        st = mls_staged_open(w.m[0].group, s, NULL);
        mem_fail_after(0);
        assert_true(st == ST_OK || st == ST_NO_MEMORY);
    }
    assert_ok(st);
    mls_group_merge(w.m[0].group, s);
    mls_group_merge(w.m[1].group, w.staged);
    w.staged = NULL;
    struct test_member *const both[] = {&w.m[0], &w.m[1], NULL};
    assert_agree(both);
}

static void T54_what_an_epoch_does_not_need_any_more_is_erased(void **state)
{
    (void)state;
    const struct secret none = {0};
    const struct mls_commit_args a = test_commit_args(&w.m[1]);
    assert_ok(commit_by(1, &a));
    struct mls_staged *s = test_receive_commit(&w.m[0], buffer_span(&w.message));
    assert_ok(mls_staged_open(w.m[0].group, s, NULL));
    mls_group_merge(w.m[0].group, s);
    mls_group_merge(w.m[1].group, w.staged);
    w.staged = NULL;
    for (size_t i = 0; i < 2; i++)
        assert_true(secret_equal(&w.m[i].group->now->secrets.encryption, &none));
    const uint32_t gone = 0;
    struct mls_commit_args removal = test_commit_args(&w.m[1]);
    removal.removes = &gone;
    removal.remove_count = 1;
    assert_ok(commit_by(1, &removal));
    test_follow(&w.m[0], buffer_span(&w.message));
    const struct mls_group *g = w.m[0].group;
    assert_true(secret_equal(&g->now->secrets.exporter, &none));
    assert_true(secret_equal(&g->now->secrets.init, &none));
    assert_int_equal(g->now->keys.present, 0);
    assert_null(g->now->messages);
    assert_null(g->past);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_family_agrees_and_talks),
        T(a_removed_member_learns_of_it_and_no_more),
        T(changes_say_who_came_and_went),
        T(staging_changes_nothing_until_the_merge),
        T(an_own_pending_commit_loses_against_a_received_one),
        T(an_own_pending_commit_loses_against_our_removal),
        T(own_messages_are_told_apart),
        T(a_commit_of_adds_alone_needs_no_path),
        T(another_signing_key_is_refused),
        T(external_psks_enter_and_are_asked_for),
        T(the_tree_may_travel_apart),
        T(exports_of_all_are_equal),
        T(without_memory_a_commit_fails_and_leaks_nothing),
        T(without_memory_a_message_is_not_read_and_not_lost),
        T(without_memory_a_staged_epoch_is_not_opened_and_not_lost),
        T(T54_what_an_epoch_does_not_need_any_more_is_erased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
