/* SPDX-License-Identifier: Apache-2.0 */
/* A contact with a program of their own floods a conversation: what is kept of it is bounded, counted by
 * name, and nobody else notices (T15). */
#include <stdio.h>

#include "sync/journal_internal.h"
#include "tests/world/world_scene.h"

enum { RIVALS = 40, SEQ_AT = 1 + 16 + ID_LEN };

/* ---- flooding ---- */

/* An entry by this device under number 1, or under `seq`, which the encoder would refuse to write. */
static enum status tiny_entry(struct node *n, uint64_t seq, int which, struct buffer *out)
{
    struct journal_entry e = {.header = {.seq = 1}, .has_body = true, .kind = ENTRY_TEXT};
    struct entry_body body = {.kind = ENTRY_TEXT};
    struct buffer encoded;
    struct writer w;
    char text[16];
    snprintf(text, sizeof(text), "%d", which);
    body.u.text.text = span_text(text);
    buffer_init(&encoded, ENTRY_BODY_MAX);
    writer_init(&w, &encoded);
    e.header.scope = inside_group(n, SCOPE_CONVERSATION)->scope;
    e.header.author = n->self.device;
    enum status st = node_hlc(n, &e.header.hlc);
    if (st == ST_OK)
        st = entry_body_encode(&w, &body);
    e.body = buffer_span(&encoded);
    if (st == ST_OK)
        st = journal_entry_hash_body(&e);
    writer_init(&w, out);
    if (st == ST_OK)
        st = journal_entry_encode(&w, &e);
    for (int i = 0; st == ST_OK && i < 8; i++)
        out->ptr[SEQ_AT + i] = (uint8_t)(seq >> (56 - 8 * i));
    buffer_wipe(&encoded);
    return st;
}

static enum status flood(struct node *n, void *arg)
{
    const uint64_t *first_seq = arg;
    const struct scope_id scope = inside_group(n, SCOPE_CONVERSATION)->scope;
    struct group *g = NULL;
    enum status st = ST_OK;
    for (int i = 0; st == ST_OK && i < RIVALS; i++) {
        struct buffer entry;
        buffer_init(&entry, GROUP_MESSAGE_MAX);
        st = tiny_entry(n, *first_seq + (*first_seq > 1 ? (uint64_t)i : 0), i, &entry);
        const struct group_message m = {GROUP_ENTRY, buffer_span(&entry)};
        if (st == ST_OK)
            st = group_of_scope(n, &scope, &g);
        if (st == ST_OK)
            st = group_send(n, g, &m, 1, OUTBOX_PLAIN, NULL);
        buffer_wipe(&entry);
    }
    return st;
}

static int64_t kept(struct scene *x, const char *of)
{
    char sql[200];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM entry WHERE %s", of);
    return world_number(x->w, x->s.maya, sql);
}

/* ---- what comes of it ---- */

static void T15_entries_under_a_number_that_is_taken_are_kept_a_few_times(void **state)
{
    struct scene *x = *state;
    uint64_t first = 1;
    assert_ok(world_forge(x->w, x->s.leo, flood, &first));
    world_run(x->w, 10 * MINUTE_MS);
    assert_int_equal(kept(x, "fork = 1"), JOURNAL_RIVALS_MAX);
    assert_int_equal(world_refused(x->w, x->s.maya, ST_JOURNAL_FORK), RIVALS - JOURNAL_RIVALS_MAX);
    assert_true(world_alarms(x->w, x->s.maya) > 0);
    story_say(x->w, x->s.ana, "Berg", "supper", x->s.maya);
    story_say(x->w, x->s.leo, "Maya", "and this is me again", x->s.maya);
}

static void T15_numbers_beyond_the_limit_are_not_kept(void **state)
{
    struct scene *x = *state;
    int64_t before = kept(x, "kind = 1");
    uint64_t first = ENTRY_SEQ_MAX + 1;
    assert_ok(world_forge(x->w, x->s.leo, flood, &first));
    world_run(x->w, 10 * MINUTE_MS);
    assert_int_equal(kept(x, "kind = 1"), before);
    assert_int_equal(world_refused(x->w, x->s.maya, ST_ENTRY_SEQ), RIVALS);
    story_say(x->w, x->s.ana, "Berg", "supper", x->s.maya);
    story_say(x->w, x->s.leo, "Maya", "and this is me again", x->s.maya);
}

/* ---- Admissions that wait ---- */

/* Leo asks to meet Maya's brother; his tablet has not heard all that his parents have announced, so that the
 * Admission has to wait. So many wait from there already. */
static int64_t waits_after(unsigned before, unsigned of_others)
{
    struct world *w = world_new(test_seed(1));
    struct story s;
    char sql[600];
    story_children_meet(w, &s);
    story_add(w, s.ana, "Tim's tablet", "Tim", "child", SIZE_MAX);
    story_ask(w, s.leo, s.ana, "Tim", "me again");
    story_decide(w, s.rosa, true);
    world_run(w, 5 * MINUTE_MS);
    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE i(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i WHERE x < 64) INSERT INTO"
             " admission_wait(body, certificate, at_ms, next_at, sender) SELECT x'00', x'00', 1, 1 << 60,"
             " iif(x <= %u, (SELECT log_id FROM log WHERE kind = 2 AND owner = (SELECT max(id) FROM letterbox"
             " WHERE kind = 3)), x'07') FROM i WHERE x <= %u",
             before, before + of_others);
    world_sql(w, s.leo, sql);
    world_sql(w, s.leo,
              "UPDATE head SET told_seq = told_seq + 1 WHERE told_seq > 0 AND scope = (SELECT scope"
              " FROM mls_group WHERE kind = 3)");
    world_restart(w, s.leo);
    story_decide(w, s.ben, true);
    world_run(w, 5 * MINUTE_MS);
    int64_t waiting = world_number(w, s.leo, "SELECT count(*) FROM admission_wait");
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM mls_group WHERE kind = 5"), 1);
    world_free(w);
    return waiting - before - of_others;
}

static void T15_one_contact_fills_four_places_for_admissions_that_wait(void **state)
{
    (void)state;
    assert_int_equal(waits_after(3, 0), 1);
    assert_int_equal(waits_after(4, 0), 0);
}

static void T15_contacts_leave_room_for_the_family_among_admissions_that_wait(void **state)
{
    (void)state;
    assert_int_equal(waits_after(0, 23), 1);
    assert_int_equal(waits_after(0, 24), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(T15_entries_under_a_number_that_is_taken_are_kept_a_few_times),
        SCENE_TEST(T15_numbers_beyond_the_limit_are_not_kept),
        cmocka_unit_test(T15_one_contact_fills_four_places_for_admissions_that_wait),
        cmocka_unit_test(T15_contacts_leave_room_for_the_family_among_admissions_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
