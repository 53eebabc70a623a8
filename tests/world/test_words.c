/* SPDX-License-Identifier: Apache-2.0 */
/* Nobody's words come from another's mouth: forged repair in a conversation, and a history that a person's
 * own device made up (T24). */
#include <stdio.h>
#include <string.h>

#include "sync/journal_internal.h"
#include "tests/world/world_test.h"

struct scene {
    struct world *w;
    struct story s;
    size_t laptop; /* Maya's */
};

static int setup(void **state)
{
    struct scene *x = mem_alloc(1, sizeof(*x));
    x->w = world_new(test_seed(1));
    story_children_meet(x->w, &x->s);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct scene *x = *state;
    world_free(x->w);
    mem_free(x, sizeof(*x));
    return 0;
}

static void pair_laptop(struct scene *x)
{
    x->laptop = story_add(x->w, x->s.ana, "Maya's laptop", "Maya", "child", x->s.maya);
    world_run(x->w, 10 * MINUTE_MS);
}

/* ---- forging ---- */

struct forgery {
    struct device_id as; /* the author whose entry it pretends to be */
    const char *text;
    struct buffer bytes;
    bool spoiled; /* its body is no text */
};

/* An entry by `as` after the last one of theirs that is known here; conversations have no signatures. */
static enum status forge_entry(struct node *n, void *arg)
{
    struct forgery *f = arg;
    struct journal_entry e = {.has_body = true, .kind = ENTRY_TEXT};
    struct entry_body body = {.kind = ENTRY_TEXT, .u.text.text = span_text(f->text)};
    struct buffer encoded;
    struct writer w;
    struct query q;
    buffer_init(&encoded, ENTRY_BODY_MAX);
    writer_init(&w, &encoded);
    e.header.scope = inside_group(n, SCOPE_CONVERSATION)->scope;
    query_start(&q, &n->sql,
                "SELECT seq, hash FROM entry WHERE scope = ? AND author = ? ORDER BY seq DESC LIMIT 1", "bb",
                SPAN_ID(&e.header.scope), SPAN_ID(&f->as));
    e.header.author = f->as;
    e.header.seq = 1;
    if (query_next(&q)) {
        e.header.seq = (uint64_t)query_int(&q, 0) + 1;
        QUERY_ID(&q, 1, &e.header.prev);
    }
    enum status st = query_end(&q);
    if (st == ST_OK)
        st = node_hlc(n, &e.header.hlc);
    if (st == ST_OK)
        st = entry_body_encode(&w, &body);
    if (f->spoiled)
        memset(encoded.ptr + encoded.len - 2, 0xff, 2); /* nor UTF-8 */
    e.body = buffer_span(&encoded);
    if (st == ST_OK)
        st = journal_entry_hash_body(&e);
    writer_init(&w, &f->bytes);
    if (st == ST_OK)
        st = journal_entry_encode(&w, &e);
    buffer_wipe(&encoded);
    return st;
}

/* An entry that `as` did write, with another body of the same length under its header. */
static enum status change_body(struct node *n, void *arg)
{
    struct forgery *f = arg;
    const struct scope_id scope = inside_group(n, SCOPE_CONVERSATION)->scope;
    struct query q;
    query_start(
        &q, &n->sql,
        "SELECT entry FROM entry WHERE scope = ? AND author = ? AND kind = 1 ORDER BY seq DESC LIMIT 1", "bb",
        SPAN_ID(&scope), SPAN_ID(&f->as));
    assert_true(query_next(&q));
    query_fail(&q, buffer_copy(&f->bytes, query_blob(&q, 0)));
    enum status st = query_end(&q);
    size_t len = strlen(f->text), at = 0;
    while (at + len <= f->bytes.len && memcmp(f->bytes.ptr + at, "I will come", len) != 0)
        at++;
    assert_true(at + len <= f->bytes.len);
    memcpy(f->bytes.ptr + at, f->text, len);
    return st;
}

static enum status pass_on(struct node *n, void *arg)
{
    const struct forgery *f = arg;
    const struct group_message m = {GROUP_PASSED_ON, buffer_span(&f->bytes)};
    return group_send(n, inside_group(n, SCOPE_CONVERSATION), &m, 1, OUTBOX_PLAIN, NULL);
}

/* ---- looking ---- */

struct shown {
    const char *text;
    size_t as_said, as_passed_on;
    char via[64];
};

static void see(void *ctx, const struct history_row *row)
{
    struct shown *s = ctx;
    if (strcmp(row->text, s->text) != 0)
        return;
    s->as_said += !row->passed_on;
    s->as_passed_on += row->passed_on;
    snprintf(s->via, sizeof(s->via), "%s", row->via);
}

static struct shown look(struct scene *x, size_t device, const char *text)
{
    struct shown s = {.text = text};
    const struct history_args args = {.with = NULL};
    assert_ok(view_history(world_node(x->w, device), &args, see, &s));
    return s;
}

/* ---- repair ---- */

static void T24_repair_with_another_body_is_refused(void **state)
{
    struct scene *x = *state;
    struct forgery f = {.text = "I hate you!"};
    pair_laptop(x);
    buffer_init(&f.bytes, GROUP_MESSAGE_MAX);
    world_off(x->w, x->laptop); /* it lacks what is said now … */
    story_say(x->w, x->s.maya, "Leo", "I will come", x->s.leo);
    f.as = world_node(x->w, x->s.maya)->self.device;
    assert_ok(world_forge(x->w, x->s.leo, change_body, &f));
    world_run(x->w, MINUTE_MS);
    world_wipe_relay(x->w); /* … and the relay has it no more */
    world_off(x->w, x->s.maya);
    world_on(x->w, x->laptop);
    world_run(x->w, MINUTE_MS);
    assert_ok(world_forge(x->w, x->s.leo, pass_on, &f));
    world_run(x->w, 10 * MINUTE_MS);
    assert_false(world_has_text(x->w, x->laptop, f.text, NULL));
    world_on(x->w, x->s.maya);
    world_run(x->w, 6 * HOUR_MS);
    struct shown s = look(x, x->laptop, "I will come"); /* what she did say comes all the same */
    assert_int_equal(s.as_said, 1);
    buffer_wipe(&f.bytes);
}

static void T24_what_somebody_else_passes_on_is_never_shown_as_said(void **state)
{
    struct scene *x = *state;
    struct forgery f = {.text = "I, Maya, want to leave"};
    pair_laptop(x);
    story_say(x->w, x->s.leo, "Maya", "hello", x->laptop);
    buffer_init(&f.bytes, GROUP_MESSAGE_MAX);
    f.as = world_node(x->w, x->s.maya)->self.device;
    assert_ok(world_forge(x->w, x->s.leo, forge_entry, &f));
    world_off(x->w, x->s.maya); /* its own device would object */
    assert_ok(world_forge(x->w, x->s.leo, pass_on, &f));
    world_run(x->w, 10 * MINUTE_MS);
    struct shown s = look(x, x->laptop, f.text);
    assert_int_equal(s.as_said, 0);
    assert_int_equal(s.as_passed_on, 1);
    assert_string_equal(s.via, "Leo");
    world_on(x->w, x->s.maya); /* who goes on under that number with words of her own */
    world_ok(x->w, x->s.maya, CMD_SEND, "Leo", "what I do say", NULL, NULL);
    world_run(x->w, 6 * HOUR_MS);
    s = look(x, x->laptop, f.text);
    assert_int_equal(s.as_said + s.as_passed_on, 0); /* … and then it is put aside */
    assert_true(world_has_text(x->w, x->laptop, "what I do say", "Maya"));
    assert_true(world_alarms(x->w, x->laptop) > 0);
    buffer_wipe(&f.bytes);
}

/* Leo has said hello; on a device there is another entry of his, as he never wrote it. */
static void forge_as_leo(struct scene *x, size_t on, struct forgery *f)
{
    story_say(x->w, x->s.leo, "Maya", "hello", x->s.maya);
    buffer_init(&f->bytes, GROUP_MESSAGE_MAX);
    f->as = world_node(x->w, x->s.leo)->self.device;
    assert_ok(world_forge(x->w, on, forge_entry, f));
}

/* An approved contact's program passes on what it calls its own words, and they are none. */
static void T53_a_body_that_is_no_text_stops_no_device(void **state)
{
    struct scene *x = *state;
    struct forgery f = {.text = "hello", .spoiled = true};
    forge_as_leo(x, x->s.leo, &f);
    assert_ok(world_forge(x->w, x->s.leo, pass_on, &f));
    world_run(x->w, 10 * MINUTE_MS);
    assert_int_equal(
        world_number(x->w, x->s.maya,
                     "SELECT count(*) FROM entry WHERE kind = 1 AND attested = 0 AND applied = 2"),
        1);
    story_say(x->w, x->s.ana, "Berg", "are you there?", x->s.maya);
    buffer_wipe(&f.bytes);
}

/* ---- history ---- */

static enum status take_in(struct node *n, void *arg)
{
    const struct forgery *f = arg;
    const struct take_args a = {.attested = true};
    return journal_take(n, SCOPE_CONVERSATION, buffer_span(&f->bytes), &a);
}

/* Maya's tablet has put words of Leo's into its own database before it gives its history to the laptop. */
static void T24_history_with_words_that_nobody_said_is_shown_as_passed_on(void **state)
{
    struct scene *x = *state;
    struct forgery f = {.text = "I, Leo, give you my bike"};
    forge_as_leo(x, x->s.maya, &f);
    world_off(x->w, x->s.leo);
    assert_ok(world_forge(x->w, x->s.maya, take_in, &f));
    pair_laptop(x);
    struct shown s = look(x, x->laptop, f.text);
    assert_int_equal(s.as_said, 0);
    assert_int_equal(s.as_passed_on, 1);
    assert_string_equal(s.via, "Maya");
    world_on(x->w, x->s.leo);
    world_run(x->w, 6 * HOUR_MS);
    s = look(x, x->laptop, "hello"); /* what he did say becomes his when he tells where he stands */
    assert_int_equal(s.as_said, 1);
    s = look(x, x->laptop, f.text);
    assert_int_equal(s.as_said, 0);
    buffer_wipe(&f.bytes);
}

/* And what is no text at all, which her tablet says it had applied. */
static void T53_history_with_a_body_that_is_no_text_shows_nothing_of_it(void **state)
{
    struct scene *x = *state;
    struct forgery f = {.text = "hello", .spoiled = true};
    forge_as_leo(x, x->s.maya, &f);
    world_off(x->w, x->s.leo);
    assert_ok(world_forge(x->w, x->s.maya, take_in, &f));
    world_sql(x->w, x->s.maya, "UPDATE entry SET applied = 1 WHERE kind = 1 AND applied = 2");
    pair_laptop(x);
    assert_int_equal(world_number(x->w, x->laptop, "SELECT count(*) FROM entry WHERE kind = 1"), 2);
    assert_int_equal(
        world_number(x->w, x->laptop, "SELECT count(*) FROM entry WHERE kind = 1 AND applied = 2"), 1);
    /* At once, not when what is not attested is looked at again: that would count it. */
    assert_int_equal(world_number(x->w, x->laptop, "SELECT value FROM meta WHERE key = 'blocks_skipped'"),
                     -1);
    buffer_wipe(&f.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(T24_repair_with_another_body_is_refused),
        TEST(T24_what_somebody_else_passes_on_is_never_shown_as_said),
        TEST(T53_a_body_that_is_no_text_stops_no_device),
        TEST(T24_history_with_words_that_nobody_said_is_shown_as_passed_on),
        TEST(T53_history_with_a_body_that_is_no_text_shows_nothing_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
