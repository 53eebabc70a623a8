/* SPDX-License-Identifier: Apache-2.0 */
/* A group as records: what is written, what comes back, what is gone for good. */
#include <stdlib.h>
#include <string.h>

#include "protocol/mem.h"
#include "tests/support/test.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_member.h"

enum { MEMBERS = 4, MESSAGE_MAX = 4 << 20 };

struct world {
    struct test_member m[MEMBERS + 1];
    struct test_member *all[MEMBERS + 2];
    struct test_records records;
    struct buffer message, welcome;
    size_t live;
};

static struct world w;

static int setup(void **state)
{
    (void)state;
    w = (struct world){.live = mem_live()};
    test_records_init(&w.records);
    buffer_init(&w.message, MESSAGE_MAX);
    buffer_init(&w.welcome, MESSAGE_MAX);
    test_family(w.m, w.all, MEMBERS);
    test_member_init(&w.m[MEMBERS], "new");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_family_free(w.m, MEMBERS + 1);
    test_records_free(&w.records);
    buffer_wipe(&w.message);
    buffer_wipe(&w.welcome);
    assert_int_equal(mem_live(), w.live);
    return 0;
}

static size_t records_of_kind(uint8_t kind)
{
    size_t n = 0;
    for (size_t i = 0; i < w.records.len; i++) {
        n += w.records.at[i].key[0] == kind;
    }
    return n;
}

static void refresh(size_t by)
{
    const struct mls_commit_args a = test_commit_args(&w.m[by]);
    test_commit(&w.m[by], &a, w.all, NULL);
}

static void say_and_keep(size_t from, const char *text)
{
    buffer_wipe(&w.message);
    test_protect(&w.m[from], text, &w.message);
}

/* ---- */

static void a_reloaded_group_goes_on(void **state)
{
    (void)state;
    for (size_t round = 0; round < 6; round++) {
        test_reload(&w.m[0], &w.records);
        test_say(&w.m[0], &w.m[1], "from the store");
        test_reload(&w.m[0], &w.records);
        test_say(&w.m[2], &w.m[0], "to the store");
        refresh(round % MEMBERS);
        test_reload(&w.m[0], &w.records);
        assert_agree(w.all);
    }
    struct mls_commit_args a = test_commit_args(&w.m[0]);
    const uint32_t gone = 2;
    const struct span package = test_member_package(&w.m[MEMBERS]);
    struct test_member *const joins[] = {&w.m[MEMBERS], NULL};
    struct test_member *const stay[] = {&w.m[0], &w.m[1], &w.m[3], NULL};
    a.adds = &package;
    a.add_count = 1;
    a.removes = &gone;
    a.remove_count = 1;
    test_commit(&w.m[0], &a, stay, joins);
    test_reload(&w.m[0], &w.records);
    test_say(&w.m[MEMBERS], &w.m[0], "hello");
    struct test_member *const now[] = {&w.m[0], &w.m[1], &w.m[3], &w.m[MEMBERS], NULL};
    assert_agree(now);
}

static void a_message_writes_the_one_ratchet_that_it_moved(void **state)
{
    (void)state;
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    test_say(&w.m[1], &w.m[0], "first"); /* takes the way down to the ratchet apart, once */
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    test_records_reset_counts(&w.records);
    test_say(&w.m[1], &w.m[0], "second");
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    assert_int_equal(w.records.puts, 1);
    assert_int_equal(w.records.removes, 0);
    assert_true(w.records.bytes <= 100);
    test_records_reset_counts(&w.records);
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    assert_int_equal(w.records.puts + w.records.removes, 0);
}

static void a_commit_writes_what_it_changed(void **state)
{
    (void)state;
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    test_records_reset_counts(&w.records);
    refresh(1);
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    /* the group, a leaf, two parents, two keys, the ended epoch and its four nodes and ratchets on the way to
     * the commit's key, the new encryption secret */
    assert_int_equal(w.records.puts, 12);
}

static void late_messages_are_read_after_a_reload_for_three_epochs(void **state)
{
    (void)state;
    struct buffer late[4];
    for (size_t i = 0; i < 4; i++) {
        test_protect(&w.m[1], "late", &late[i]);
        refresh(2);
        test_reload(&w.m[0], &w.records);
    }
    assert_status(test_hear_status(&w.m[0], buffer_span(&late[0])), ST_MLS_EPOCH_OLD);
    for (size_t i = 1; i < 4; i++) {
        test_hear(&w.m[0], buffer_span(&late[i]), "late");
        test_reload(&w.m[0], &w.records);
        assert_status(test_hear_status(&w.m[0], buffer_span(&late[i])), ST_MLS_GENERATION_USED);
    }
    for (size_t i = 0; i < 4; i++) {
        buffer_wipe(&late[i]);
    }
}

static void forgotten_epochs_leave_no_record(void **state)
{
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        test_say(&w.m[1], &w.m[0], "moves a ratchet");
        assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
        refresh(i % MEMBERS);
    }
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    assert_int_equal(records_of_kind(RECORD_EPOCH), 3);
    mls_group_forget_before(w.m[0].group, mls_group_epoch(w.m[0].group));
    assert_true(mls_group_changed(w.m[0].group));
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    assert_int_equal(records_of_kind(RECORD_EPOCH), 0);
    assert_int_equal(records_of_kind(RECORD_RATCHET), 0);
    assert_int_equal(records_of_kind(RECORD_SECRET), 1);
}

static void a_save_that_fails_loses_nothing(void **state)
{
    (void)state;
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    refresh(1);
    test_say(&w.m[1], &w.m[0], "and a message");
    enum status s = ST_NO_SPACE;
    for (size_t n = 1; s != ST_OK; n++) {
        struct test_records disk; /* a store that rolls back */
        test_records_init(&disk);
        test_records_copy(&disk, &w.records);
        disk.fail_after = n;
        s = mls_group_save(w.m[0].group, &disk.sink);
        assert_true(s == ST_OK || mls_group_changed(w.m[0].group));
        disk.fail_after = 0;
        if (s == ST_OK) {
            test_records_copy(&w.records, &disk);
        }
        test_records_free(&disk);
        assert_true(n < 100);
    }
    test_records_rewind(&w.records);
    mls_group_free(w.m[0].group);
    assert_ok(mls_group_load(&w.m[0].group, &w.records.source));
    assert_agree(w.all);
    test_say(&w.m[1], &w.m[0], "all there");
}

static void an_own_commit_survives_a_restart(void **state)
{
    (void)state;
    const struct span package = test_member_package(&w.m[MEMBERS]);
    const uint32_t gone = 3;
    struct mls_commit_args a = test_commit_args(&w.m[0]);
    struct mls_staged *s;
    a.adds = &package;
    a.add_count = 1;
    a.removes = &gone;
    a.remove_count = 1;
    a.authenticated_data = span_text("evidence");
    assert_ok(mls_group_commit(w.m[0].group, &a, &w.m[0].entropy.entropy, &s, &w.message, &w.welcome));
    assert_ok(mls_staged_save(s, &w.records.sink));
    assert_status(mls_group_load(&w.m[MEMBERS].group, &w.records.source), ST_MLS_RECORD);
    mls_staged_free(s);
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    test_records_rewind(&w.records);
    assert_ok(mls_staged_load(&s, w.m[0].group, &w.records.source));
    assert_null(s); /* the first save of a group takes what waited before it away: save the group first */
    assert_ok(mls_group_commit(w.m[0].group, &a, &w.m[0].entropy.entropy, &s, &w.message, &w.welcome));
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    assert_ok(mls_staged_save(s, &w.records.sink));
    mls_staged_free(s);
    test_reload(&w.m[0], &w.records);
    test_records_rewind(&w.records);
    assert_ok(mls_staged_load(&s, w.m[0].group, &w.records.source));
    uint8_t hash[32], want[32];
    const struct mls_change *c;
    hash_bytes(buffer_span(&w.message), want);
    mls_staged_message_hash(s, hash);
    assert_memory_equal(hash, want, 32);
    assert_true(mls_staged_is_own(s) && mls_staged_has_path(s));
    assert_int_equal(mls_staged_changes(s, &c), 3);
    assert_int_equal(c[1].kind, MLS_CHANGE_ADD);
    assert_int_equal(c[1].leaf, 3);
    assert_span(mls_staged_authenticated_data(s), span_text("evidence"));
    test_follow(&w.m[1], buffer_span(&w.message));
    mls_group_merge(w.m[0].group, s);
    test_member_join(&w.m[MEMBERS], buffer_span(&w.welcome));
    struct test_member *const now[] = {&w.m[0], &w.m[1], &w.m[MEMBERS], NULL};
    test_reload(&w.m[0], &w.records);
    assert_agree(now);
    assert_int_equal(records_of_kind(RECORD_STAGED), 0);
    test_say(&w.m[0], &w.m[MEMBERS], "hello");
    const struct mls_commit_args next = test_commit_args(&w.m[0]);
    test_commit(&w.m[0], &next, now, NULL);
    assert_agree(now);
}

static void pending_proposals_survive_a_restart(void **state)
{
    (void)state;
    const struct mls_propose_args update = {.key = &w.m[0].key, .kind = MLS_PROPOSE_UPDATE};
    struct mls_received r;
    assert_ok(mls_group_propose(w.m[0].group, &update, &w.m[0].entropy.entropy, &w.message));
    test_reload(&w.m[0], &w.records);
    assert_int_equal(mls_group_pending_count(w.m[0].group), 1);
    for (size_t i = 1; i < MEMBERS; i++) {
        assert_ok(mls_group_receive(w.m[i].group, buffer_span(&w.message), &r));
        mls_received_wipe(&r);
    }
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    a.take_pending = true;
    test_commit(&w.m[1], &a, w.all, NULL);
    assert_agree(w.all);
    test_reload(&w.m[0], &w.records);
    assert_int_equal(records_of_kind(RECORD_PENDING), 0);
    refresh(2); /* opens with the updated leaf's key */
    assert_agree(w.all);
}

static void records_that_are_not_a_group_are_refused(void **state)
{
    (void)state;
    say_and_keep(1, "x");
    test_hear(&w.m[0], buffer_span(&w.message), "x");
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    for (size_t gone = 0; gone < w.records.len; gone++) {
        struct test_records part;
        struct mls_group *g;
        test_records_init(&part);
        for (size_t i = 0; i < w.records.len; i++) {
            const struct test_record *rec = &w.records.at[i];
            if (i != gone) {
                assert_ok(part.sink.put(part.sink.ctx, SPAN_OF(rec->key, rec->key_len),
                                        SPAN_OF(rec->value, rec->value_len)));
            }
        }
        test_records_rewind(&part);
        uint8_t kind = w.records.at[gone].key[0];
        enum status s = mls_group_load(&g, &part.source);
        /* the keys of parents, and whole past epochs whose message keys come first, cannot be missed */
        assert_true(kind == RECORD_PRIVATE || s == ST_MLS_RECORD);
        mls_group_free(g);
        test_records_free(&part);
    }
}

static void short_records_are_refused(void **state)
{
    (void)state;
    refresh(1);
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    for (size_t i = 0; i < w.records.len; i++) {
        struct test_records part;
        struct mls_group *g;
        test_records_init(&part);
        test_records_copy(&part, &w.records);
        part.at[i].value_len--;
        test_records_rewind(&part);
        assert_status(mls_group_load(&g, &part.source), ST_MLS_RECORD);
        part.at[i].value_len++;
        test_records_free(&part);
    }
}

static void loading_without_memory_fails_and_leaks_nothing(void **state)
{
    (void)state;
    refresh(1);
    assert_ok(mls_group_save(w.m[0].group, &w.records.sink));
    size_t live = mem_live();
    for (size_t n = 1; n < 1000; n++) {
        struct mls_group *g;
        test_records_rewind(&w.records);
        mem_fail_after(n);
        enum status s = mls_group_load(&g, &w.records.source);
        mem_fail_after(0);
        if (s == ST_OK) {
            mls_group_free(g);
            assert_true(n > 10);
            return;
        }
        assert_status(s, ST_NO_MEMORY);
        assert_int_equal(mem_live(), live);
    }
    fail();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_reloaded_group_goes_on),
        T(a_message_writes_the_one_ratchet_that_it_moved),
        T(a_commit_writes_what_it_changed),
        T(late_messages_are_read_after_a_reload_for_three_epochs),
        T(forgotten_epochs_leave_no_record),
        T(a_save_that_fails_loses_nothing),
        T(an_own_commit_survives_a_restart),
        T(pending_proposals_survive_a_restart),
        T(records_that_are_not_a_group_are_refused),
        T(short_records_are_refused),
        T(loading_without_memory_fails_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
