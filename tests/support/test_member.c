/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test_member.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"
#include "tests/support/test_hex.h"

enum { MESSAGE_MAX = 4 << 20 };

void test_member_init(struct test_member *m, const char *name)
{
    uint8_t seed[SIGN_SEED_LEN] = {0};
    uint64_t number = 0;
    *m = (struct test_member){0};
    assert_ok(suite_start());
    snprintf(m->name, sizeof(m->name), "%s", name);
    memcpy(seed, m->name, strlen(m->name));
    memcpy(&number, m->name, sizeof(number));
    sign_keypair_from_seed(seed, &m->key, &m->public_key);
    test_entropy_init(&m->entropy, number);
    buffer_init(&m->package, MESSAGE_MAX);
    buffer_init(&m->record, MESSAGE_MAX);
}

void test_member_free(struct test_member *m)
{
    mls_group_free(m->group);
    buffer_wipe(&m->package);
    buffer_wipe(&m->record);
    m->group = NULL;
}

struct mls_self test_member_self(const struct test_member *m)
{
    static const uint16_t extensions[] = {TEST_EXTENSION};
    return (struct mls_self){
        .identity = span_text(m->name), .key = &m->key, .extensions = extensions, .extension_count = 1};
}

void test_member_found(struct test_member *m)
{
    const struct mls_extension context = {TEST_EXTENSION, span_text("context")};
    const struct mls_create_args a = {.group_id = span_text("test group"),
                                      .extensions = {&context, 1},
                                      .self = test_member_self(m),
                                      .not_after_ms = INT64_MAX};
    assert_ok(mls_group_create(&m->group, &a, &m->entropy.entropy));
}

struct span test_member_package(struct test_member *m)
{
    const struct mls_key_package_args a = {.self = test_member_self(m), .not_after_ms = INT64_MAX};
    assert_ok(mls_key_package_new(&a, &m->entropy.entropy, m->ref, &m->package, &m->record));
    return buffer_span(&m->package);
}

void test_member_join(struct test_member *m, struct span welcome)
{
    const struct mls_join_args a = {.welcome = welcome, .key_package_record = buffer_span(&m->record)};
    assert_true(mls_welcome_names(welcome, m->ref));
    assert_ok(mls_group_join(&m->group, &a));
}

struct mls_commit_args test_commit_args(const struct test_member *m)
{
    return (struct mls_commit_args){.key = &m->key};
}

struct mls_staged *test_receive_commit(struct test_member *m, struct span message)
{
    struct mls_received r;
    assert_ok(mls_group_receive(m->group, message, &r));
    assert_int_equal(r.kind, MLS_RECEIVED_COMMIT);
    struct mls_staged *s = r.staged;
    r.staged = NULL;
    mls_received_wipe(&r);
    return s;
}

void test_follow(struct test_member *m, struct span message)
{
    struct mls_staged *s = test_receive_commit(m, message);
    assert_ok(mls_staged_open(m->group, s, NULL));
    mls_group_merge(m->group, s);
}

void test_commit(struct test_member *by, const struct mls_commit_args *a,
                 struct test_member *const *everybody, struct test_member *const *joins)
{
    struct mls_staged *s;
    struct buffer message, welcome;
    buffer_init(&message, MESSAGE_MAX);
    buffer_init(&welcome, MESSAGE_MAX);
    assert_ok(mls_group_commit(by->group, a, &by->entropy.entropy, &s, &message, &welcome));
    for (size_t i = 0; everybody[i] != NULL; i++) {
        if (everybody[i] != by && everybody[i]->group != NULL) {
            test_follow(everybody[i], buffer_span(&message));
        }
    }
    mls_group_merge(by->group, s);
    for (size_t i = 0; joins != NULL && joins[i] != NULL; i++) {
        test_member_join(joins[i], buffer_span(&welcome));
    }
    buffer_wipe(&message);
    buffer_wipe(&welcome);
}

void test_protect(struct test_member *from, const char *text, struct buffer *out)
{
    const struct mls_protect_args a = {.key = &from->key, .plaintext = span_text(text), .padding = 7};
    buffer_init(out, MESSAGE_MAX);
    assert_ok(mls_group_protect(from->group, &a, &from->entropy.entropy, out));
}

void test_hear(struct test_member *to, struct span message, const char *text)
{
    struct mls_received r;
    assert_ok(mls_group_receive(to->group, message, &r));
    assert_int_equal(r.kind, MLS_RECEIVED_APPLICATION);
    assert_span(r.application, span_text(text));
    mls_received_wipe(&r);
}

enum status test_hear_status(struct test_member *to, struct span message)
{
    struct mls_received r;
    enum status s = mls_group_receive(to->group, message, &r);
    mls_received_wipe(&r);
    return s;
}

void test_say(struct test_member *from, struct test_member *to, const char *text)
{
    struct buffer message;
    test_protect(from, text, &message);
    test_hear(to, buffer_span(&message), text);
    buffer_wipe(&message);
}

void assert_agree(struct test_member *const *everybody)
{
    uint8_t first[2][32], other[2][32];
    mls_group_tree_hash(everybody[0]->group, first[0]);
    mls_group_authenticator(everybody[0]->group, first[1]);
    for (size_t i = 1; everybody[i] != NULL; i++) {
        assert_int_equal(mls_group_epoch(everybody[i]->group), mls_group_epoch(everybody[0]->group));
        mls_group_tree_hash(everybody[i]->group, other[0]);
        mls_group_authenticator(everybody[i]->group, other[1]);
        assert_memory_equal(first, other, sizeof(first));
    }
}

void test_reload(struct test_member *m, struct test_records *records)
{
    assert_ok(mls_group_save(m->group, &records->sink));
    mls_group_free(m->group);
    test_records_rewind(records);
    assert_ok(mls_group_load(&m->group, &records->source));
    assert_false(mls_group_changed(m->group));
}

void test_family(struct test_member *members, struct test_member **everybody, size_t count)
{
    struct span packages[16];
    struct test_member *joins[16] = {0};
    for (size_t i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%u", (unsigned)(i % 16));
        test_member_init(&members[i], name);
        everybody[i] = &members[i];
        if (i > 0) {
            packages[i - 1] = test_member_package(&members[i]);
            joins[i - 1] = &members[i];
        }
    }
    everybody[count] = NULL;
    test_member_found(&members[0]);
    if (count > 1) {
        struct test_member *const alone[] = {&members[0], NULL};
        struct mls_commit_args a = test_commit_args(&members[0]);
        a.adds = packages;
        a.add_count = count - 1;
        test_commit(&members[0], &a, alone, joins);
    }
    for (size_t i = 1; i < count; i++) { /* fills the parents */
        const struct mls_commit_args refresh = test_commit_args(&members[i]);
        test_commit(&members[i], &refresh, everybody, NULL);
    }
}

void test_family_free(struct test_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        test_member_free(&members[i]);
    }
}
