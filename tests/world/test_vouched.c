/* SPDX-License-Identifier: Apache-2.0 */
/* What a removed device wrote where nothing is signed: a device of the same person gives its word for it to
 * those who come later, and nobody else does. */
#include <stdio.h>

#include "protocol/group_message.h"
#include "sync/journal.h"
#include "tests/world/world_test.h"

static long long count_of(struct world *w, size_t at, const struct device_id *author, const char *rest)
{
    char sql[300], hex[2 * ID_LEN + 1];
    hex_encode(hex, SPAN_ID(author));
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM entry WHERE author = x'%s' AND %s", hex, rest);
    return (long long)world_number(w, at, sql);
}

static void T51_a_device_that_comes_later_takes_its_persons_word_for_one_that_is_gone(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), old = world_add(w, "Ana's old phone"),
           laptop = world_add(w, "Ana's laptop");
    story_found(w, ana, "Berg", "Ana");
    story_pair(w, ana, old, "Ana", "parent", SIZE_MAX);
    world_run(w, 5 * MINUTE_MS);
    const struct device_id gone = world_node(w, old)->self.device;
    world_ok(w, old, CMD_INVITE, NULL, NULL, NULL, NULL); /* its key goes to her own devices */
    world_run(w, 2 * MINUTE_MS);
    world_ok(w, ana, CMD_DEVICES_REMOVE, "Ana's old phone", NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    story_pair(w, ana, laptop, "Ana", "parent", SIZE_MAX);
    world_run(w, INT64_C(6) * 60 * MINUTE_MS);
    assert_int_equal(count_of(w, ana, &gone, "kind = 6 AND attested = 1 AND applied = 1"), 1);
    assert_int_equal(count_of(w, laptop, &gone, "kind = 6 AND attested = 1 AND applied = 1"), 1);
}

/* ---- somebody else's word ---- */

struct lie {
    struct scope_id scope;
    struct device_id author;
};

/* An entry that nobody wrote, and a vouch for it. */
static enum status lie(struct node *n, void *arg)
{
    struct lie *l = arg;
    struct journal_entry e = {.has_body = true, .kind = ENTRY_TEXT};
    struct entry_body body = {.kind = ENTRY_TEXT, .u.text.text = span_text("I never liked you")};
    struct have *h = mem_alloc(1, sizeof(*h));
    struct group *g = NULL;
    struct query q;
    struct writer w;
    struct buffer text, entry, vouch;
    buffer_init(&text, ENTRY_BODY_MAX);
    buffer_init(&entry, GROUP_MESSAGE_MAX);
    buffer_init(&vouch, GROUP_MESSAGE_MAX);
    e.header.scope = l->scope;
    e.header.author = l->author;
    e.header.seq = 1;
    query_start(&q, &n->sql,
                "SELECT cont_seq, cont_hash FROM head WHERE scope = ? AND author = ? AND cont_seq > 0", "bb",
                SPAN_ID(&l->scope), SPAN_ID(&l->author));
    if (query_next(&q)) {
        e.header.seq = (uint64_t)query_int(&q, 0) + 1;
        QUERY_ID(&q, 1, &e.header.prev);
    }
    assert_ok(query_end(&q));
    assert_ok(node_hlc(n, &e.header.hlc));
    writer_init(&w, &text);
    assert_ok(entry_body_encode(&w, &body));
    e.body = buffer_span(&text);
    assert_ok(journal_entry_hash_body(&e));
    writer_init(&w, &entry);
    assert_ok(journal_entry_encode(&w, &e));
    h->scope = l->scope;
    h->author_count = 1;
    h->authors[0].author = l->author;
    h->authors[0].seq = e.header.seq;
    assert_ok(entry_header_hash(&e.header, &h->authors[0].hash));
    writer_init(&w, &vouch);
    assert_ok(have_encode(&w, h));
    const struct group_message m[] = {{GROUP_PASSED_ON, buffer_span(&entry)},
                                      {GROUP_VOUCH, buffer_span(&vouch)}};
    assert_ok(group_of_scope(n, &l->scope, &g));
    enum status st = group_send(n, g, m, 2, OUTBOX_PLAIN, NULL);
    buffer_wipe(&text);
    buffer_wipe(&entry);
    buffer_wipe(&vouch);
    mem_free(h, sizeof(*h));
    return st;
}

static void T31_nobody_vouches_for_another_persons_words(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    size_t laptop = story_add(w, s.ben, "Maya's laptop", "Maya", "child", s.maya);
    world_run(w, 10 * MINUTE_MS);
    story_say(w, laptop, "Leo", "hello", s.leo);
    struct node *leo = world_node(w, s.leo);
    struct lie l = {.author = world_node(w, laptop)->self.device};
    const struct person_ref a = {leo->self.family, leo->self.person},
                            b = {world_node(w, s.maya)->self.family, world_node(w, s.maya)->self.person};
    assert_ok(scope_id_of_pair(&a, &b, &l.scope));
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Maya's laptop", NULL, NULL, NULL);
    world_run(w, 30 * MINUTE_MS);
    assert_ok(world_forge(w, s.leo, lie, &l));
    world_run(w, 10 * MINUTE_MS);
    /* Not as hers: as something that Leo passed on. */
    assert_int_equal(count_of(w, s.maya, &l.author, "kind = 1 AND attested = 1"), 1);
    assert_int_equal(count_of(w, s.maya, &l.author, "kind = 1 AND attested = 0"), 1);
}

static void T51_a_withdrawal_that_is_passed_on_brings_the_chain_by_which_it_holds(void **state)
{
    struct world *w = *state;
    struct story s;
    char sql[200], hex[2 * ID_LEN + 1];
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    hex_encode(hex, SPAN_ID(&world_node(w, s.ana)->self.family));
    /* As on a device that has never met them. */
    snprintf(sql, sizeof(sql), "DELETE FROM chain WHERE family = x'%s'", hex);
    world_sql(w, s.rosa, sql);
    world_restart(w, s.rosa); /* and remembers nothing of them */
    world_ok(w, s.ana, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    static const char *const passed_on =
        "SELECT count(*) FROM entry WHERE kind = 16 AND applied = 1 AND scope IN (SELECT scope FROM mls_group"
        " WHERE kind = 3)";
    assert_int_equal(world_number(w, s.leo, passed_on), 1);
    assert_int_equal(world_number(w, s.rosa, passed_on), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T51_a_device_that_comes_later_takes_its_persons_word_for_one_that_is_gone),
        WORLD_TEST(T31_nobody_vouches_for_another_persons_words),
        WORLD_TEST(T51_a_withdrawal_that_is_passed_on_brings_the_chain_by_which_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
