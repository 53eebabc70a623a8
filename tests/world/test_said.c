/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of what was said: the same on every device, in whatever order it came. */
#include <stdio.h>
#include <string.h>

#include "sync/journal_internal.h"
#include "tests/world/world_disk.h"
#include "tests/world/world_test.h"

#define WORDS "xylophone in the cellar"

/* Maya says something to Leo; its id. */
static void say(struct world *w, const struct story *s, const char *text, char id[static 80])
{
    snprintf(id, 80, "%s", world_ok(w, s->maya, CMD_SEND, "Leo", text, NULL, NULL)->id);
    world_run(w, MINUTE_MS);
}

struct looked {
    const char *text;
    bool found, edited, unread;
    int64_t gone_at_ms;
    char reactions[128];
};

static void see(void *ctx, const struct history_row *row)
{
    struct looked *l = ctx;
    if (strcmp(row->text, l->text) != 0)
        return;
    l->found = true;
    l->edited = row->edited;
    l->unread = row->unread;
    l->gone_at_ms = row->gone_at_ms;
    snprintf(l->reactions, sizeof(l->reactions), "%s", row->reactions);
}

static struct looked look(struct world *w, size_t device, const char *text)
{
    const struct history_args args = {.with = NULL};
    struct looked l = {.text = text};
    assert_ok(view_history(world_node(w, device), &args, see, &l));
    return l;
}

static void assert_same_said(struct world *w, size_t a, size_t b)
{
    world_same(w, a, b, "edits",
               "SELECT scope, target, family, person, hlc, hash FROM said_edit ORDER BY 1,2,3,4,5,6");
    world_same(w, a, b, "deletions", "SELECT * FROM said_erased ORDER BY 1,2,3,4");
    world_same(w, a, b, "reactions", "SELECT * FROM said_reaction ORDER BY 1,2,3,4");
    world_same(w, a, b, "timers", "SELECT * FROM said_timer ORDER BY 1,2,3");
    world_same(w, a, b, "texts",
               "SELECT hash, erased, gone_at FROM entry WHERE has_body = 1 AND kind IN (1, 28) ORDER BY 1");
}

static void an_edit_is_shown_everywhere_and_the_newest_counts(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[80];
    story_children_meet(w, &s);
    say(w, &s, "see you at for", id);
    world_ok(w, s.maya, CMD_EDIT, id, "see you at four", NULL, NULL);
    world_ok(w, s.maya, CMD_EDIT, id, "see you at five", NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_true(look(w, s.leo, "see you at five").edited);
    assert_true(look(w, s.maya, "see you at five").edited);
    assert_false(look(w, s.leo, "see you at for").found);
    assert_false(look(w, s.leo, "see you at four").found);
    assert_same_said(w, s.maya, s.leo);
    /* Nobody else's. */
    assert_status(world_do(w, s.leo, CMD_EDIT, id, "I stay at home", NULL, NULL)->status, ST_SAID_NOT_YOURS);
    assert_status(world_do(w, s.leo, CMD_DELETE, id, NULL, NULL, NULL)->status, ST_SAID_NOT_YOURS);
}

struct forged {
    const char *id;
    enum entry_kind kind;
};

/* A program that asks nobody whose text it is. */
static enum status forge(struct node *n, void *arg)
{
    const struct forged *f = arg;
    struct entry_body body = {.kind = f->kind};
    struct scope_id scope;
    struct entry_hash target;
    struct query q;
    assert_ok(hex_decode(target.b, sizeof(target.b), f->id, strlen(f->id)));
    query_start(&q, &n->sql, "SELECT scope FROM entry WHERE hash = ?", "b", SPAN_ID(&target));
    assert_true(query_next(&q));
    QUERY_ID(&q, 0, &scope);
    assert_ok(query_end(&q));
    if (f->kind == ENTRY_EDIT) {
        body.u.edit.target = target;
        body.u.edit.text = span_text("I, Maya, stay at home");
    } else {
        body.u.delete.target = target;
    }
    return journal_append(n, SCOPE_CONVERSATION, &scope, &body, NULL);
}

static void T24_nobody_edits_or_deletes_what_somebody_else_said(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[80];
    story_children_meet(w, &s);
    say(w, &s, "I come", id);
    assert_ok(world_forge(w, s.leo, forge, &(struct forged){id, ENTRY_EDIT}));
    world_run(w, MINUTE_MS);
    assert_true(look(w, s.maya, "I come").found);
    assert_ok(world_forge(w, s.leo, forge, &(struct forged){id, ENTRY_DELETE}));
    world_run(w, MINUTE_MS);
    assert_true(look(w, s.maya, "I come").found);
    assert_false(look(w, s.maya, "I come").edited);
    assert_true(look(w, s.leo, "I come").found);
}

struct needle {
    const char *text;
    size_t found;
};

static void search(void *ctx, const char *name, const uint8_t *bytes, size_t len)
{
    struct needle *n = ctx;
    (void)name;
    for (size_t i = 0; i + strlen(n->text) <= len; i++)
        n->found += memcmp(bytes + i, n->text, strlen(n->text)) == 0;
}

static size_t times_on_disk(struct world *w, size_t device, const char *text)
{
    struct needle n = {text, 0};
    world_files(w, device, search, &n);
    return n.found;
}

static void a_deleted_text_leaves_no_byte_on_any_device(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[80];
    story_children_meet(w, &s);
    say(w, &s, "first " WORDS, id);
    world_ok(w, s.maya, CMD_EDIT, id, "second " WORDS, NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_true(times_on_disk(w, s.maya, WORDS) >= 2);
    assert_true(times_on_disk(w, s.leo, WORDS) >= 2);
    world_ok(w, s.maya, CMD_DELETE, id, NULL, NULL, NULL);
    world_run(w, 5 * MINUTE_MS);
    assert_int_equal(times_on_disk(w, s.maya, WORDS), 0);
    assert_int_equal(times_on_disk(w, s.leo, WORDS), 0);
    assert_int_equal(times_on_disk(w, s.leo, "xylophone"), 0); /* nor a word of it in the index */
    assert_same_said(w, s.maya, s.leo);
    assert_false(look(w, s.leo, "second " WORDS).found);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM entry WHERE kind = 1 AND erased = 1"), 1);
    assert_int_equal(world_alarms(w, s.leo) + world_alarms(w, s.maya), 0);
    story_say(w, s.leo, "Maya", "what was that?", s.maya);
}

struct kept {
    struct buffer bytes;
    struct scope_id scope;
    struct device_id via;
};

static enum status keep_text(struct node *n, void *arg)
{
    struct kept *k = arg;
    struct query q;
    query_start(&q, &n->sql, "SELECT entry, scope, author FROM entry WHERE kind = 1 AND has_body = 1", "");
    assert_true(query_next(&q));
    assert_ok(buffer_copy(&k->bytes, query_blob(&q, 0)));
    QUERY_ID(&q, 1, &k->scope);
    QUERY_ID(&q, 2, &k->via);
    return query_end(&q);
}

static enum status send_again(struct node *n, void *arg)
{
    struct kept *k = arg;
    return journal_take_passed_on(n, SCOPE_CONVERSATION, &k->scope, buffer_span(&k->bytes), &k->via);
}

static void a_deleted_text_does_not_come_back_by_repair(void **state)
{
    struct world *w = *state;
    struct story s;
    struct kept k;
    char id[80];
    story_children_meet(w, &s);
    say(w, &s, WORDS, id);
    buffer_init(&k.bytes, GROUP_MESSAGE_MAX);
    assert_ok(world_forge(w, s.leo, keep_text, &k));
    world_ok(w, s.maya, CMD_DELETE, id, NULL, NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_ok(world_forge(w, s.leo, send_again, &k));
    world_run(w, MINUTE_MS);
    assert_false(look(w, s.leo, WORDS).found);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM entry WHERE kind = 1 AND has_body = 1"), 0);
    buffer_wipe(&k.bytes);
}

static void a_deletion_that_overtakes_its_text_holds(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[80], sql[400];
    story_children_meet(w, &s);
    world_off(w, s.leo);
    say(w, &s, WORDS, id);
    world_on(w, s.leo);
    /* as the deletion's handler leaves it */
    snprintf(sql, sizeof(sql),
             "INSERT INTO said_erased SELECT c.scope, x'%s', c.family, c.other FROM contact c WHERE c.name = "
             "'Maya'",
             id);
    world_sql(w, s.leo, sql);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM said_erased"), 1);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM entry WHERE kind = 1"), 1);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM entry WHERE kind = 1 AND has_body = 1"), 0);
}

static void of_a_persons_reactions_the_newest_counts(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[80];
    story_children_meet(w, &s);
    say(w, &s, "cake today", id);
    world_ok(w, s.leo, CMD_REACT, id, "hm", NULL, NULL);
    world_ok(w, s.leo, CMD_REACT, id, "yes!", NULL, NULL);
    world_ok(w, s.maya, CMD_REACT, id, "mine", NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_non_null(strstr(look(w, s.maya, "cake today").reactions, "yes! Leo"));
    assert_non_null(strstr(look(w, s.leo, "cake today").reactions, "mine Maya"));
    assert_null(strstr(look(w, s.maya, "cake today").reactions, "hm"));
    world_ok(w, s.leo, CMD_REACT, id, NULL, NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_null(strstr(look(w, s.maya, "cake today").reactions, "Leo"));
    assert_same_said(w, s.maya, s.leo);
}

static void a_text_with_a_timer_runs_out_everywhere(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[80];
    story_children_meet(w, &s);
    say(w, &s, "this stays", id);
    world_ok(w, s.leo, CMD_TIMER, "Maya", "3600", NULL, NULL);
    world_run(w, MINUTE_MS);
    say(w, &s, WORDS, id);
    assert_true(look(w, s.leo, WORDS).gone_at_ms > 0);
    assert_int_equal(look(w, s.leo, "this stays").gone_at_ms, 0);
    world_run(w, HOUR_MS / 2);
    assert_true(look(w, s.leo, WORDS).found && look(w, s.maya, WORDS).found);
    world_run(w, HOUR_MS / 2);
    assert_false(look(w, s.leo, WORDS).found || look(w, s.maya, WORDS).found);
    assert_int_equal(times_on_disk(w, s.leo, WORDS) + times_on_disk(w, s.maya, WORDS), 0);
    assert_true(look(w, s.leo, "this stays").found);
    world_ok(w, s.maya, CMD_TIMER, "Leo", "0", NULL, NULL);
    say(w, &s, "this too", id);
    world_run(w, 3 * HOUR_MS);
    assert_true(look(w, s.leo, "this too").found);
    assert_same_said(w, s.maya, s.leo);
}

/* A program that dates its timer back to before everything. */
static enum status date_back(struct node *n, void *arg)
{
    struct scope_id scope;
    const struct entry_body body = {.kind = ENTRY_TIMER, .u.timer.ms = 1000};
    int64_t newest = 0, now = n->now.wall_ms;
    struct query q;
    (void)arg;
    query_start(&q, &n->sql, "SELECT scope FROM contact", "");
    assert_true(query_next(&q));
    QUERY_ID(&q, 0, &scope);
    assert_ok(query_end(&q));
    assert_ok(meta_number(n, "hlc", 0, &newest));
    assert_ok(meta_set_number(n, "hlc", 0));
    n->now.wall_ms = 1;
    assert_ok(journal_append(n, SCOPE_CONVERSATION, &scope, &body, NULL));
    n->now.wall_ms = now;
    return meta_set_number(n, "hlc", newest);
}

static void T24_nobodys_timer_ends_what_somebody_else_said(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[80];
    story_children_meet(w, &s);
    say(w, &s, "Maya's own words", id);
    story_say(w, s.leo, "Maya", "Leo's own words", s.maya);
    assert_ok(world_forge(w, s.leo, date_back, NULL));
    world_run(w, 10 * MINUTE_MS);
    assert_true(look(w, s.maya, "Maya's own words").found);
    assert_true(look(w, s.leo, "Maya's own words").found);
    assert_int_equal(look(w, s.maya, "Maya's own words").gone_at_ms, 0);
    assert_false(look(w, s.maya, "Leo's own words").found); /* his own, as he likes */
    assert_same_said(w, s.maya, s.leo);
}

static void T24_what_is_written_before_one_hears_of_a_timer_stays(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[80];
    story_children_meet(w, &s);
    world_cut(w, s.leo, true);
    world_ok(w, s.leo, CMD_TIMER, "Maya", "60", NULL, NULL);
    world_run(w, MINUTE_MS);
    say(w, &s, "not heard yet", id);
    world_cut(w, s.leo, false);
    world_run(w, 10 * MINUTE_MS);
    assert_true(look(w, s.maya, "not heard yet").found);
    assert_true(look(w, s.leo, "not heard yet").found);
    assert_same_said(w, s.maya, s.leo);
}

static void who_writes_next_takes_over_the_timer_and_its_end(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[80];
    story_children_meet(w, &s);
    world_ok(w, s.leo, CMD_TIMER, "Maya", "3600", NULL, NULL);
    world_run(w, MINUTE_MS);
    say(w, &s, "one", id);
    say(w, &s, "two", id);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM said_timer"), 2); /* hers: once */
    assert_true(look(w, s.maya, "two").gone_at_ms > 0);
    world_ok(w, s.leo, CMD_TIMER, "Maya", "0", NULL, NULL);
    world_run(w, MINUTE_MS);
    say(w, &s, "three", id);
    assert_int_equal(look(w, s.maya, "three").gone_at_ms, 0);
    assert_int_equal(look(w, s.leo, "three").gone_at_ms, 0);
    assert_true(look(w, s.leo, "two").gone_at_ms > 0);
    assert_same_said(w, s.maya, s.leo);
}

static void reactions_go_with_their_text(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[80];
    story_children_meet(w, &s);
    say(w, &s, "a secret", id);
    world_ok(w, s.leo, CMD_REACT, id, "marzipan", NULL, NULL);
    world_run(w, MINUTE_MS);
    world_ok(w, s.leo, CMD_REACT, id, "nougat", NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_true(times_on_disk(w, s.maya, "marzipan") > 0 && times_on_disk(w, s.maya, "nougat") > 0);
    world_off(w, s.leo);
    world_ok(w, s.maya, CMD_DELETE, id, NULL, NULL, NULL);
    world_run(w, MINUTE_MS);
    world_on(w, s.leo);
    world_cut(w, s.leo, true);
    world_ok(w, s.leo, CMD_REACT, id, "praline", NULL, NULL); /* he has not heard of it yet */
    world_cut(w, s.leo, false);
    world_run(w, 5 * MINUTE_MS);
    static const char *const words[] = {"marzipan", "nougat", "praline"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_int_equal(times_on_disk(w, s.maya, words[i]), 0);
        assert_int_equal(times_on_disk(w, s.leo, words[i]), 0);
    }
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM entry WHERE kind = 30 AND erased = 1"), 3);
    assert_same_said(w, s.maya, s.leo);
}

/* What history brings, newest first, is looked at by itself. */
static void what_was_said_costs_its_own_row_where_a_text_was_deleted(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[80];
    story_children_meet(w, &s);
    say(w, &s, "gone", id);
    world_ok(w, s.maya, CMD_DELETE, id, NULL, NULL, NULL);
    for (size_t i = 0; i < 20; i++)
        say(w, &s, "one of many", id);
    world_sql(w, s.leo, "UPDATE entry SET gone_at = 9000000000000000 WHERE kind = 1 AND has_body = 1");
    say(w, &s, "the next", id);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM entry WHERE gone_at = 9000000000000000"),
                     20);
    assert_true(look(w, s.leo, "the next").found);
}

static void what_one_device_read_is_read_on_the_others_and_all_of_it_comes_by_history(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[80], gone[80];
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "read me", s.maya);
    assert_true(look(w, s.maya, "read me").unread);
    world_ok(w, s.maya, CMD_READ, "Leo", NULL, NULL, NULL);
    assert_false(look(w, s.maya, "read me").unread);
    say(w, &s, "four", id);
    world_ok(w, s.maya, CMD_EDIT, id, "five", NULL, NULL);
    world_ok(w, s.leo, CMD_REACT, id, "yes!", NULL, NULL);
    say(w, &s, WORDS, gone);
    world_ok(w, s.maya, CMD_DELETE, gone, NULL, NULL, NULL);
    world_run(w, MINUTE_MS);
    size_t laptop = story_add(w, s.ana, "Maya's laptop", "Maya", "child", s.maya);
    world_run(w, 10 * MINUTE_MS);
    assert_true(look(w, laptop, "read me").found);
    assert_false(look(w, laptop, "read me").unread);
    assert_true(look(w, laptop, "five").edited);
    assert_non_null(strstr(look(w, laptop, "five").reactions, "yes! Leo"));
    assert_false(look(w, laptop, WORDS).found);
    assert_same_said(w, s.maya, laptop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(an_edit_is_shown_everywhere_and_the_newest_counts),
        WORLD_TEST(T24_nobody_edits_or_deletes_what_somebody_else_said),
        WORLD_TEST(a_deleted_text_leaves_no_byte_on_any_device),
        WORLD_TEST(a_deleted_text_does_not_come_back_by_repair),
        WORLD_TEST(a_deletion_that_overtakes_its_text_holds),
        WORLD_TEST(of_a_persons_reactions_the_newest_counts),
        WORLD_TEST(a_text_with_a_timer_runs_out_everywhere),
        WORLD_TEST(T24_nobodys_timer_ends_what_somebody_else_said),
        WORLD_TEST(T24_what_is_written_before_one_hears_of_a_timer_stays),
        WORLD_TEST(who_writes_next_takes_over_the_timer_and_its_end),
        WORLD_TEST(reactions_go_with_their_text),
        WORLD_TEST(what_was_said_costs_its_own_row_where_a_text_was_deleted),
        WORLD_TEST(what_one_device_read_is_read_on_the_others_and_all_of_it_comes_by_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
