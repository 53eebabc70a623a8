/* SPDX-License-Identifier: Apache-2.0 */
/* A device of a newer version among older ones: what it writes and they do not know. */
#include "sync/contact_internal.h"
#include "tests/world/world_test.h"

enum { NEWER_KIND = 999 };

/* The device's last entry in its ward becomes one of a kind that nobody knows yet. */
static enum status make_newer(struct node *n, void *arg)
{
    struct entry_body body = {.kind = ENTRY_DEVICE_STATUS};
    struct scope_id ward;
    struct journal_entry e;
    struct entry_hash hash;
    struct buffer row, encoded;
    struct writer w;
    bool found = false;
    (void)arg;
    buffer_init(&row, 4096);
    buffer_init(&encoded, 4096);
    writer_init(&w, &encoded);
    assert_ok(scope_id_of_person(SCOPE_WARD, &n->self.person, &ward));
    assert_ok(journal_append(n, SCOPE_WARD, &ward, &body, &hash));
    assert_ok(
        sql_bytes(&n->sql, &row, &found, "SELECT entry FROM entry WHERE hash = ?", "b", SPAN_ID(&hash)));
    assert_true(found);
    assert_ok(journal_entry_decode(&e, buffer_span(&row)));
    e.kind = NEWER_KIND;
    assert_ok(journal_entry_hash_body(&e));
    assert_ok(journal_entry_sign(&e, &n->self.key));
    assert_ok(journal_entry_encode(&w, &e));
    struct entry_hash before = hash;
    assert_ok(entry_header_hash(&e.header, &hash));
    assert_ok(sql_run(&n->sql, "UPDATE entry SET entry = ?, hash = ?, kind = ? WHERE hash = ?", "bbib",
                      buffer_span(&encoded), SPAN_ID(&hash), (int64_t)NEWER_KIND, SPAN_ID(&before)));
    assert_ok(sql_run(&n->sql, "UPDATE head SET cont_hash = ? WHERE cont_hash = ?", "bb", SPAN_ID(&hash),
                      SPAN_ID(&before)));
    buffer_wipe(&row);
    buffer_wipe(&encoded);
    return ST_OK;
}

/* It leaves a hole in its author's journal. An old device of the child takes itself for behind its ward and
 * denies everything outside; what comes behind the hole takes effect, and ends what it ends. */
static void T20_an_entry_of_a_newer_version_opens_nothing_and_stops_nothing_behind_it(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    size_t laptop = world_add(w, "Maya's laptop");
    story_pair(w, s.ana, laptop, "Maya", "child", s.maya);
    story_wait_contact(w, laptop, "Leo", "active");
    world_run(w, MINUTE_MS);
    story_say(w, laptop, "Leo", "from the old one", s.leo);
    assert_ok(world_forge(w, s.maya, make_newer, NULL));
    world_run(w, 6 * HOUR_MS); /* until it hears how far the other is */
    assert_int_equal(world_number(w, laptop, "SELECT count(*) FROM entry WHERE kind = 999"), 0);
    assert_int_not_equal(world_do(w, laptop, CMD_SEND, "Leo", "hm", NULL, NULL)->status, ST_OK);
    world_ok(w, s.maya, CMD_SEND, "Leo", "from the new one", NULL, NULL);
    world_ok(w, s.maya, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    story_wait_contact(w, s.ana, "Leo", "withdrawn");
    story_wait_contact(w, laptop, "Leo", "withdrawn");
    story_wait_contact(w, s.leo, "Maya", "withdrawn");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T20_an_entry_of_a_newer_version_opens_nothing_and_stops_nothing_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
