/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith-relay/core/id_map.h"

#include <string.h>

#include "protocol/mem.h"
#include "protocol/suite.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"

enum { IDS = 3000 };

static struct map_id id_of(unsigned n)
{
    return (struct map_id){{(uint8_t)n, (uint8_t)(n >> 8)}};
}

static void it_agrees_with_a_plain_array_over_random_steps(void **state)
{
    (void)state;
    static int values[IDS];
    static bool in[IDS];
    struct test_entropy e;
    struct id_map m;
    size_t count = 0;
    test_entropy_init(&e, test_seed(11));
    id_map_init(&m, &e.entropy);
    for (int step = 0; step < 60000; step++) {
        unsigned n = (unsigned)test_entropy_below(&e, step < 30000 ? IDS : 200);
        struct map_id id = id_of(n);
        assert_ptr_equal(id_map_get(&m, id.b), in[n] ? &values[n] : NULL);
        if (test_entropy_below(&e, 2) == 0) {
            assert_ok(id_map_put(&m, id.b, &values[n]));
            count += !in[n];
            in[n] = true;
        } else {
            assert_ptr_equal(id_map_remove(&m, id.b), in[n] ? &values[n] : NULL);
            count -= in[n];
            in[n] = false;
        }
        assert_int_equal(m.count, count);
    }
    size_t at = 0, seen = 0;
    for (const int *v = id_map_next(&m, &at); v != NULL; v = id_map_next(&m, &at)) {
        assert_true(in[v - values]);
        seen++;
    }
    assert_int_equal(seen, count);
    for (unsigned n = 0; n < IDS; n++) {
        struct map_id id = id_of(n);
        assert_ptr_equal(id_map_get(&m, id.b), in[n] ? &values[n] : NULL);
    }
    id_map_wipe(&m);
    assert_int_equal(mem_live(), 0);
}

static void without_memory_it_stays_as_it_was(void **state)
{
    (void)state;
    struct test_entropy e;
    struct id_map m;
    int value = 0;
    struct map_id id = id_of(1);
    test_entropy_init(&e, 1);
    id_map_init(&m, &e.entropy);
    mem_fail_after(1);
    assert_status(id_map_put(&m, id.b, &value), ST_NO_MEMORY);
    mem_fail_after(0);
    assert_null(id_map_get(&m, id.b));
    assert_null(id_map_remove(&m, id.b));
    assert_ok(id_map_put(&m, id.b, &value));
    assert_ptr_equal(id_map_get(&m, id.b), &value);
    id_map_wipe(&m);
}

int main(void)
{
    assert_ok(suite_start());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_agrees_with_a_plain_array_over_random_steps),
        cmocka_unit_test(without_memory_it_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
