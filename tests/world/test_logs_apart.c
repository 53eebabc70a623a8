/* SPDX-License-Identifier: Apache-2.0 */
/* What a relay is shown of a group's log before a membership change and of the one after has nothing in
 * common (T03): no capability, no hash of one, no address. */
#include <stdlib.h>
#include <string.h>

#include "tests/world/world_test.h"

enum { VALUES_MAX = 4096, LOGS_MIN = 6 };

struct values {
    uint8_t of[VALUES_MAX][HASH_LEN];
    size_t count;
};

static void add_value(struct values *v, struct span bytes)
{
    static const uint8_t nobody[HASH_LEN]; /* may trim a group's log: in every one of them the same */
    for (size_t at = 0; at + HASH_LEN <= bytes.len; at += HASH_LEN) {
        if (memcmp(bytes.ptr + at, nobody, HASH_LEN) == 0)
            continue;
        assert_true(v->count < VALUES_MAX);
        memcpy(v->of[v->count++], bytes.ptr + at, HASH_LEN);
    }
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, HASH_LEN);
}

static void T03_two_logs_of_a_group_have_no_value_in_common(void **state)
{
    struct world *w = *state;
    struct values *v = calloc(1, sizeof(*v));
    struct story s;
    size_t logs = 0;
    story_children_meet(w, &s);
    story_pair(w, s.ana, world_add(w, "Maya's laptop"), "Maya", "child", s.maya);
    world_run(w, 5 * MINUTE_MS);
    struct query q;
    query_start(&q, &world_node(w, s.maya)->sql,
                "SELECT log_id, hashes, write_token, read_token, block_key FROM log WHERE kind = 1", "");
    while (query_next(&q)) {
        for (int i = 0; i < 5; i++)
            add_value(v, query_blob(&q, i));
        logs++;
    }
    assert_ok(query_end(&q));
    assert_true(logs >= LOGS_MIN);
    qsort(v->of, v->count, HASH_LEN, by_bytes);
    size_t same = 0;
    for (size_t i = 1; i < v->count; i++)
        same += memcmp(v->of[i - 1], v->of[i], HASH_LEN) == 0;
    assert_int_equal(same, 0);
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORLD_TEST(T03_two_logs_of_a_group_have_no_value_in_common)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
