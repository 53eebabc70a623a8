/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mem.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_size_t live;
static atomic_size_t calls_left; /* 0: never fail; 1: fail from now on; n: fail from the (n - 1)th call */

static int must_fail(void)
{
    size_t left = atomic_load(&calls_left);
    if (left > 1)
        atomic_store(&calls_left, left - 1);
    return left == 1 || left == 2;
}

void *mem_alloc(size_t count, size_t size)
{
    if (count == 0 || size == 0 || count > SIZE_MAX / size || must_fail())
        return NULL;
    void *p = calloc(count, size);
    if (p)
        atomic_fetch_add(&live, 1);
    return p;
}

void mem_free(void *p, size_t len)
{
    if (!p)
        return;
    sodium_memzero(p, len);
    free(p);
    atomic_fetch_sub(&live, 1);
}

size_t mem_live(void)
{
    return atomic_load(&live);
}

void mem_fail_after(size_t n)
{
    atomic_store(&calls_left, n == 0 ? 0 : n + 1);
}

void invariant_broken(const char *file, int line, const char *rule)
{
    fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, rule);
    abort();
}
