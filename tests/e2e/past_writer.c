/* SPDX-License-Identifier: Apache-2.0 */
/* past_writer HOME COUNT: puts so many texts of 200 bytes into the journal of a device whose agent does not
 * run, in its person's first conversation, as if they had been sent long ago (tests/world/world_past.h). */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "device/vault.h"
#include "sync/schema.h"
#include "tests/world/world_past.h"

enum { TEXT_LEN = 200 };

static void fill(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    randombytes_buf(out, len);
}

static struct now now(void)
{
    struct timespec wall, mono;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &mono);
    return (struct now){(int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000,
                        (int64_t)mono.tv_sec * 1000 + mono.tv_nsec / 1000000};
}

static enum status write(struct node *n, size_t count)
{
    enum status why = ST_OK, st = sql_run(&n->sql, "BEGIN IMMEDIATE", "");
    struct past p = {count, TEXT_LEN, 1};
    if (st == ST_OK) {
        st = node_guard(n, past_write, &p, &why);
    }
    if (st == ST_OK) {
        st = sql_run(&n->sql, "COMMIT", "");
    }
    return st == ST_OK ? why : st;
}

int main(int argc, char **argv)
{
    struct node *n = NULL;
    struct node_args args = {.entropy = {.fill = fill}, .now = now()};
    if (argc != 3) {
        fprintf(stderr, "usage: past_writer HOME COUNT\n");
        return 2;
    }
    enum status st = suite_start();
    if (st == ST_OK) {
        st = vault_open(&args.db, argv[1], SCHEMA_VERSION);
    }
    if (st == ST_OK) {
        st = node_open(&n, &args);
    }
    if (st == ST_OK) {
        st = write(n, strtoul(argv[2], NULL, 10));
    }
    node_free(n);
    if (st != ST_OK) {
        fprintf(stderr, "past_writer: %s\n", status_name(st));
    }
    return st == ST_OK ? 0 : 1;
}
