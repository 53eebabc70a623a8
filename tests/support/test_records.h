/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a group in memory: a sink and a source for tests, which counts and can be made to fail. */
#ifndef KITH_TESTS_SUPPORT_TEST_RECORDS_H
#define KITH_TESTS_SUPPORT_TEST_RECORDS_H

#include "protocol/mls/record.h"

struct test_record {
    uint8_t key[RECORD_KEY_MAX];
    size_t key_len;
    uint8_t *value;
    size_t value_len;
};

struct test_records { /* sorted by key */
    struct test_record *at;
    size_t len, cap;
    size_t puts, removes, bytes; /* since the last test_records_reset_counts; bytes are of keys and values */
    size_t
        fail_after; /* the n-th call of the sink from now and all after it fail with ST_NO_SPACE; 0: none */
    struct record_sink sink;     /* ctx is the struct: it may not be moved */
    struct record_source source; /* reads from the start after test_records_rewind */
    size_t cursor;
};

void test_records_init(struct test_records *r);
void test_records_free(struct test_records *r);
void test_records_reset_counts(struct test_records *r);
void test_records_rewind(struct test_records *r);
/* `to` gets what `from` holds: a snapshot, as of a disk. `to` is initialised and is emptied first. */
void test_records_copy(struct test_records *to, const struct test_records *from);
/* NULL when there is none. */
const struct test_record *test_records_find(const struct test_records *r, struct span key);

#endif
