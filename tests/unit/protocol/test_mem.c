/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mem.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"

static void memory_is_zeroed_and_counted(void **state)
{
    (void)state;
    uint8_t *a = mem_alloc(100, 1), *b = mem_alloc(10, 10);
    const uint8_t zero[100] = {0};
    assert_memory_equal(a, zero, 100);
    assert_memory_equal(b, zero, 100);
    assert_int_equal(mem_live(), 2);
    memset(a, 1, 100);
    mem_free(a, 100);
    mem_free(b, 100);
    mem_free(NULL, 5);
    assert_int_equal(mem_live(), 0);
}

static void nothing_and_too_much_are_refused(void **state)
{
    (void)state;
    assert_null(mem_alloc(0, 1));
    assert_null(mem_alloc(1, 0));
    assert_null(mem_alloc(SIZE_MAX, 2));
    assert_null(mem_alloc(SIZE_MAX / 2 + 1, 2));
    assert_int_equal(mem_live(), 0);
}

static void allocation_fails_from_the_nth_call_on(void **state)
{
    (void)state;
    for (size_t n = 1; n < 5; n++) {
        void *got[6];
        mem_fail_after(n);
        for (size_t i = 0; i < 6; i++)
            got[i] = mem_alloc(1, 1);
        mem_fail_after(0);
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(got[i] != NULL, i + 1 < n);
            mem_free(got[i], 1);
        }
        void *again = mem_alloc(1, 1);
        assert_non_null(again);
        mem_free(again, 1);
    }
    assert_int_equal(mem_live(), 0);
}

/* In release builds too: the tests are built as those are. */
static void a_broken_invariant_ends_the_program(void **state)
{
    (void)state;
    invariant(1 + 1 == 2);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        signal(SIGABRT, SIG_DFL);
        invariant(child != 0);
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_counted),
        cmocka_unit_test(nothing_and_too_much_are_refused),
        cmocka_unit_test(allocation_fails_from_the_nth_call_on),
        cmocka_unit_test(a_broken_invariant_ends_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
