/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/world_past.h"

#include <stdio.h>

#include "protocol/entry_body.h"
#include "sync/journal_internal.h"
#include "tests/support/test.h"

static void write_words(struct past *p, char *out)
{
    static const char *const words[] = {"school", "tomorrow", "we",    "are",  "late", "the",   "bus",
                                        "was",    "bring",    "your",  "book", "and",  "ask",   "mother",
                                        "if",     "you",      "can",   "come", "over", "after", "lunch",
                                        "ok",     "see",      "there", "not",  "today"};
    size_t at = 0;
    while (at < p->len) {
        p->random = p->random * UINT64_C(6364136223846793005) + 1442695040888963407;
        const char *word = words[(p->random >> 40) % (sizeof(words) / sizeof(words[0]))];
        at += (size_t)snprintf(out + at, p->len + 1 - at, "%s%llu ", word,
                               (unsigned long long)(p->random >> 60));
    }
    out[p->len] = '\0';
}

static enum status insert(struct node *n, const struct journal_entry *e, const struct entry_hash *hash)
{
    struct buffer bytes;
    struct writer w;
    buffer_init(&bytes, GROUP_MESSAGE_MAX);
    writer_init(&w, &bytes);
    enum status st = journal_entry_encode(&w, e);
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "INSERT INTO entry(scope, author, seq, hash, prev, hlc, kind, has_body, entry, attested, applied,"
            " own, sent_epoch, acked, arrived_at) VALUES(?,?,?,?,?,?,?,1,?,1,1,1,0,1,?)",
            "bbibbiibi", SPAN_ID(&e->header.scope), SPAN_ID(&e->header.author), (int64_t)e->header.seq,
            SPAN_ID(hash), SPAN_ID(&e->header.prev), (int64_t)e->header.hlc, (int64_t)e->kind,
            buffer_span(&bytes), n->now.wall_ms);
    }
    buffer_wipe(&bytes);
    return st;
}

static enum status write_one(struct node *n, struct past *p, struct journal_entry *e, struct entry_hash *hash)
{
    char text[ENTRY_TEXT_MAX + 1];
    struct buffer body;
    struct writer w;
    struct entry_body b = {.kind = ENTRY_TEXT};
    write_words(p, text);
    b.u.text.text = span_text(text);
    buffer_init(&body, ENTRY_BODY_MAX);
    writer_init(&w, &body);
    e->header.prev = *hash;
    e->header.seq++;
    entropy_fill(&n->entropy, e->salt, sizeof(e->salt));
    enum status st = entry_body_encode(&w, &b);
    e->body = buffer_span(&body);
    if (st == ST_OK) {
        st = node_hlc(n, &e->header.hlc);
    }
    if (st == ST_OK) {
        st = journal_entry_hash_body(e);
    }
    if (st == ST_OK) {
        st = entry_header_hash(&e->header, hash);
    }
    if (st == ST_OK) {
        st = insert(n, e, hash);
    }
    buffer_wipe(&body);
    return st;
}

enum status past_write(struct node *n, void *arg)
{
    struct past *p = arg;
    struct journal_entry e = {.has_body = true, .kind = ENTRY_TEXT};
    struct entry_hash hash;
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT e.scope, e.seq, e.hash FROM contact c JOIN entry e ON e.scope = c.scope WHERE c.person = ?"
        " AND e.author = ? ORDER BY e.seq DESC LIMIT 1",
        "bb", SPAN_ID(&n->self.person), SPAN_ID(&n->self.device));
    assert_true(query_next(&q));
    QUERY_ID(&q, 0, &e.header.scope);
    e.header.seq = (uint64_t)query_int(&q, 1);
    QUERY_ID(&q, 2, &hash);
    enum status st = query_end(&q);
    e.header.author = n->self.device;
    for (size_t i = 0; st == ST_OK && i < p->count; i++) {
        st = write_one(n, p, &e, &hash);
    }
    return st == ST_OK ? journal_moved(n, SCOPE_CONVERSATION, &e.header.scope, &n->self.device, 0) : st;
}

void world_write_past(struct world *w, size_t device, size_t count, size_t len)
{
    struct past p = {count, len, 1};
    assert_true(len <= ENTRY_TEXT_MAX);
    assert_ok(world_forge(w, device, past_write, &p));
}
