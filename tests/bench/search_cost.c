/* SPDX-License-Identifier: Apache-2.0 */
/* What search costs: build/tests/bench/search [TEXTS] fills a device's database with so many texts (100,000),
 * has them read into the index, and prints `name value unit` lines: for several questions the time of
 * view_search, beside it that of a plain LIKE over a table of nothing but the texts, their ratio, and what
 * one erasure takes. Times are wall time of the slowest and the middle of 15 runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device/vault.h"
#include "protocol/entry_body.h"
#include "protocol/hlc.h"
#include "protocol/journal_entry.h"
#include "sync/family.h"
#include "sync/schema.h"
#include "sync/search.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_folder.h"

enum { WORDS = 20000, WORDS_OF_TEXT = 12, SCOPES = 100, DEVICES = 8, RUNS = 15, APART_MS = 400 * 1000 };

struct bench {
    struct test_entropy entropy;
    struct node *n;
    char home[TEST_FOLDER_MAX];
    int64_t wall_ms;
    struct device_id devices[DEVICES];
    struct scope_id scopes[SCOPES];
};

static void must(enum status st, const char *what)
{
    if (st != ST_OK) {
        fprintf(stderr, "search: %s: %s\n", what, status_name(st));
        exit(1);
    }
}

static double ms_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void step(struct bench *b, const struct command *c)
{
    struct event e = {.kind = c ? EV_COMMAND : EV_TICK, .id = 1, .now = {b->wall_ms, b->wall_ms}};
    if (c)
        e.u.command = *c;
    must(node_step(b->n, &e, 1), "step");
    const struct effect *fx;
    while ((fx = node_next(b->n)) != NULL)
        if (fx->kind == FX_RESULT)
            must(fx->u.result.status, "command");
}

static void open_home(struct bench *b)
{
    struct command c = {.kind = CMD_INIT};
    struct node_args args = {.entropy = b->entropy.entropy, .now = {b->wall_ms, b->wall_ms}};
    test_folder_make(b->home);
    must(vault_open(&args.db, b->home, SCHEMA_VERSION), "vault");
    must(node_open(&b->n, &args), "node");
    c.value[CMD_INIT_FAMILY] = (struct command_value){.given = true, .text = span_text("Berg")};
    c.value[CMD_INIT_AS] = (struct command_value){.given = true, .text = span_text("Ana")};
    c.value[CMD_INIT_RELAY] = (struct command_value){
        .given = true,
        .text = span_text("kith-relay://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@127.0.0.1:1")};
    step(b, &c);
}

/* A word of six letters for a number, the same for the same. */
static void spell(char out[static 7], uint64_t number)
{
    uint64_t x = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 20;
    for (int i = 0; i < 6; i++, x /= 26)
        out[i] = (char)('a' + x % 26);
    out[6] = '\0';
}

/* Frequent words are frequent: the square of a chance. */
static size_t put_text(struct bench *b, char *out, size_t cap)
{
    size_t len = 0;
    for (int i = 0; i < WORDS_OF_TEXT; i++) {
        uint64_t r = test_entropy_below(&b->entropy, 1 << 20);
        uint64_t word = r * r / (1 << 20) * WORDS / (1 << 20);
        char letters[7];
        spell(letters, word);
        len += (size_t)snprintf(out + len, cap - len, "%s%s", i ? " " : "", letters);
    }
    return len;
}

static void put_entry(struct bench *b, int64_t i)
{
    struct journal_entry e = {.has_body = true, .kind = ENTRY_TEXT};
    struct entry_body body = {.kind = ENTRY_TEXT};
    struct entry_hash hash;
    struct buffer bytes, encoded;
    struct writer w;
    char text[256];
    body.u.text.text = SPAN_OF((const uint8_t *)text, put_text(b, text, sizeof(text)));
    e.header.author = b->devices[i % DEVICES];
    e.header.scope = b->scopes[test_entropy_below(&b->entropy, SCOPES)];
    e.header.seq = (uint64_t)i + 1000;
    e.header.hlc = (uint64_t)(b->wall_ms + i * APART_MS) << 16;
    buffer_init(&bytes, ENTRY_BODY_MAX);
    buffer_init(&encoded, ENTRY_BODY_MAX);
    writer_init(&w, &bytes);
    must(entry_body_encode(&w, &body), "body");
    e.body = buffer_span(&bytes);
    must(journal_entry_hash_body(&e), "body hash");
    writer_init(&w, &encoded);
    must(journal_entry_encode(&w, &e), "entry");
    entropy_fill(&b->entropy.entropy, hash.b, sizeof(hash.b));
    must(sql_run(&b->n->sql,
                 "INSERT INTO entry(scope, author, seq, hash, prev, hlc, kind, has_body, entry, attested, "
                 "applied, own,"
                 " acked, arrived_at) VALUES(?,?,?,?,?,?,1,1,?,1,1,0,1,0)",
                 "bbibbib", SPAN_ID(&e.header.scope), SPAN_ID(&e.header.author), (int64_t)e.header.seq,
                 SPAN_ID(&hash), SPAN_ID(&e.header.prev), (int64_t)e.header.hlc, buffer_span(&encoded)),
         "insert");
    must(sql_run(&b->n->sql, "INSERT INTO said(id, text) VALUES(?,?)", "it", sql_last_id(&b->n->sql), text),
         "said");
    buffer_wipe(&bytes);
    buffer_wipe(&encoded);
}

static void fill(struct bench *b, int64_t texts)
{
    for (int i = 0; i < SCOPES; i++)
        entropy_fill(&b->entropy.entropy, b->scopes[i].b, sizeof(b->scopes[i].b));
    for (int i = 0; i < DEVICES; i++)
        entropy_fill(&b->entropy.entropy, b->devices[i].b, sizeof(b->devices[i].b));
    b->devices[0] = b->n->self.device;
    must(scope_id_of_family(SCOPE_FAMILY, &b->n->self.family, &b->scopes[0]), "scope");
    must(sql_run(&b->n->sql, "CREATE TEMP TABLE said(id INTEGER PRIMARY KEY, text TEXT)", ""), "said");
    must(sql_run(&b->n->sql, "BEGIN", ""), "begin");
    for (int64_t i = 0; i < texts; i++)
        put_entry(b, i);
    must(sql_run(&b->n->sql, "COMMIT", ""), "commit");
    b->wall_ms += texts * APART_MS;
    int64_t left = 1, steps = 0;
    double began = ms_now();
    for (; left > 0 && steps < texts; steps++) {
        step(b, NULL);
        must(sql_number(&b->n->sql, &left, 0, "SELECT count(*) FROM entry WHERE found = 0 AND " SEARCH_SHOWN,
                        ""),
             "left");
    }
    printf("search_texts %lld texts\n", (long long)texts);
    printf("search_read_in %.0f us/text\n", (ms_now() - began) * 1e3 / (double)texts);
}

static void visit(void *ctx, const struct history_row *row)
{
    size_t *count = ctx;
    *count += row->text[0] != '\0';
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void compare(struct bench *b, const char *name, const struct search_args *args)
{
    double ours[RUNS], like[RUNS];
    size_t count = 0;
    int64_t found = 0;
    char pattern[64];
    snprintf(pattern, sizeof(pattern), "%%%s%%", args->words);
    for (int i = 0; i < RUNS; i++) {
        double t = ms_now();
        count = 0;
        must(view_search(b->n, args, visit, &count), name);
        ours[i] = ms_now() - t;
        t = ms_now();
        must(sql_number(&b->n->sql, &found, 0,
                        "SELECT count(*) FROM (SELECT id FROM said WHERE text LIKE ? ORDER BY id DESC)", "t",
                        pattern),
             "like");
        like[i] = ms_now() - t;
    }
    qsort(ours, RUNS, sizeof(ours[0]), by_size);
    qsort(like, RUNS, sizeof(like[0]), by_size);
    printf("search_%s %.2f ms\nsearch_%s_slowest %.2f ms\nsearch_%s_like %.2f ms\nsearch_%s_ratio %.3f x\n",
           name, ours[RUNS / 2], name, ours[RUNS - 1], name, like[RUNS / 2], name,
           ours[RUNS / 2] / like[RUNS / 2]);
    printf("search_%s_rows %zu rows\n", name, count);
}

static void erase_one(struct bench *b)
{
    int64_t id = 0;
    must(sql_number(&b->n->sql, &id, 0, "SELECT max(id) FROM said", ""), "newest");
    double t = ms_now();
    must(search_forget(b->n, id), "forget");
    printf("search_forget %.2f ms\n", ms_now() - t);
    b->wall_ms += SEARCH_ERASE_MS;
    t = ms_now();
    step(b, NULL);
    printf("search_erase %.0f ms\n", ms_now() - t);
}

static void sizes(struct bench *b)
{
    int64_t index = 0, text = 0;
    must(sql_number(&b->n->sql, &index, 0, "SELECT sum(length(block)) FROM search_data", ""), "size");
    must(sql_number(&b->n->sql, &text, 0, "SELECT sum(length(text)) FROM said", ""), "size");
    printf("search_index %.1f MiB\nsearch_text %.1f MiB\n", (double)index / 1048576, (double)text / 1048576);
}

static void close_home(struct bench *b)
{
    node_free(b->n);
    (void)test_folder_remove(b->home);
}

int main(int argc, char **argv)
{
    struct bench b = {.wall_ms = INT64_C(1700000000000)};
    test_entropy_init(&b.entropy, 1);
    open_home(&b);
    fill(&b, argc > 1 ? strtoll(argv[1], NULL, 10) : 100000);
    sizes(&b);
    char often[7], seldom[7], both[16], two[3], three[4], one[2];
    spell(often, 0);
    spell(seldom, WORDS - 1);
    snprintf(both, sizeof(both), "%s %s", seldom, often);
    snprintf(one, sizeof(one), "%.1s", often);
    snprintf(two, sizeof(two), "%.2s", often);
    snprintf(three, sizeof(three), "%.3s", often);
    compare(&b, "seldom", &(struct search_args){.words = seldom});
    compare(&b, "often", &(struct search_args){.words = often});
    compare(&b, "both", &(struct search_args){.words = both});
    compare(&b, "one_letter", &(struct search_args){.words = one});
    compare(&b, "two_letters", &(struct search_args){.words = two});
    compare(&b, "three_letters", &(struct search_args){.words = three});
    compare(&b, "with", &(struct search_args){.words = often, .with = "Berg"});
    compare(&b, "with_from", &(struct search_args){.words = two, .with = "Berg", .from = "Ana"});
    compare(&b, "500_rows", &(struct search_args){.words = two, .limit = NODE_ROWS_MAX});
    erase_one(&b);
    close_home(&b);
    return 0;
}
