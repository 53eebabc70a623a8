/* SPDX-License-Identifier: Apache-2.0 */
/* A store that gives back something else: the records of a good group, of which one is replaced by the input.
 * Its first byte says which. What loads must work. */
#include "protocol/mem.h"
#include "tests/support/test_member.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { MEMBERS = 3 };

static struct test_member m[MEMBERS];
static struct test_member *all[MEMBERS + 1];
static struct test_records records;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct buffer message, welcome;
    struct mls_staged *staged;
    const struct mls_commit_args a = {.key = &m[0].key};
    test_records_init(&records);
    buffer_init(&message, 1 << 20);
    buffer_init(&welcome, 1 << 20);
    test_family(m, all, MEMBERS);
    test_say(&m[1], &m[0], "hello");
    invariant(mls_group_commit(m[0].group, &a, &m[0].entropy.entropy, &staged, &message, &welcome) == ST_OK);
    invariant(mls_group_save(m[0].group, &records.sink) == ST_OK);
    invariant(mls_staged_save(staged, &records.sink) == ST_OK);
    mls_staged_free(staged);
    buffer_wipe(&message);
    buffer_wipe(&welcome);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mls_group *g;
    struct mls_staged *s;
    if (size < 1)
        return 0;
    struct test_record *one = &records.at[data[0] % records.len], good = *one;
    uint8_t *copy = mem_alloc(size, 1);
    invariant(copy != NULL);
    for (size_t i = 1; i < size; i++)
        copy[i - 1] = data[i];
    one->value = copy;
    one->value_len = size - 1;
    test_records_rewind(&records);
    enum status st = mls_group_load(&g, &records.source);
    if (st == ST_OK) {
        test_records_rewind(&records);
        if (mls_staged_load(&s, g, &records.source) == ST_OK && s != NULL)
            mls_staged_free(s);
    }
    mls_group_free(g);
    *one = good;
    mem_free(copy, size);
    return 0;
}
