/* SPDX-License-Identifier: Apache-2.0 */
/* Files: whole, once, by the rules, whatever is interrupted; and from a sender who lies. */
#include <stdio.h>
#include <string.h>

#include "sync/files_internal.h"
#include "tests/world/world_files.h"
#include "tests/world/world_source.h"
#include "tests/world/world_test.h"

enum { MIB = 1 << 20 };

/* Blocks that went into bulk logs of files, each counted once. */
struct appends {
    uint8_t ids[4096][16];
    size_t count, again;
};

static void count_append(void *ctx, struct world *w, size_t device, const struct relay_request *append)
{
    struct appends *a = ctx;
    (void)w;
    (void)device;
    for (size_t i = 0; i < a->count; i++)
        if (memcmp(a->ids[i], append->block_id.b, 16) == 0) {
            a->again++;
            return;
        }
    assert_true(a->count < 4096);
    memcpy(a->ids[a->count++], append->block_id.b, 16);
}

/* Maya sends a file to Leo. */
static void send(struct world *w, struct story *s, uint64_t size, bool image)
{
    world_source_add(world_source_of(w, s->maya), "/home/maya/thing", size, 7, image);
    world_ok(w, s->maya, CMD_SEND_FILE, "Leo", "/home/maya/thing", NULL, NULL);
}

/* ---- the whole path ---- */

static void an_image_arrives_by_itself_and_whole(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    send(w, &s, MIB + 1, true);
    file_wait(w, s.leo, "here");
    file_wait(w, s.maya, "sent");
    file_assert_bytes(w, s.leo, MIB + 1, 7, true);
    file_assert_bytes(w, s.maya, MIB + 1, 7, true);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM log WHERE kind = 8"), 0);
}

static void a_film_is_fetched_when_it_is_asked_for(void **state)
{
    struct world *w = *state;
    struct story s;
    file_story(w, &s);
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    file_wait(w, s.ben, "offered");
    file_wait(w, s.ana, "sent");
    world_run(w, HOUR_MS);
    assert_string_equal(file_look(w, s.ben).state, "offered");
    world_ok(w, s.ben, CMD_GET, file_look(w, s.ben).id, NULL, NULL, NULL);
    file_wait(w, s.ben, "here");
    file_assert_bytes(w, s.ben, FILM_SIZE, FILM_SEED, false);
}

static void what_is_interrupted_goes_on_and_no_part_is_sent_twice(void **state)
{
    struct world *w = *state;
    struct story s;
    static struct appends a;
    file_story(w, &s);
    a.count = a.again = 0;
    world_on_append(w, count_append, &a);
    world_restart_every(w, 7);
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    file_wait(w, s.ben, "offered");
    world_ok(w, s.ben, CMD_GET, file_look(w, s.ben).id, NULL, NULL, NULL);
    file_wait(w, s.ben, "here");
    world_restart_every(w, 0);
    world_on_append(w, NULL, NULL);
    file_wait(w, s.ana, "sent");
    file_assert_bytes(w, s.ben, FILM_SIZE, FILM_SEED, false);
    /* 13 parts of 16 blocks (the last of 2), the list, and what the conversations say. */
    assert_in_range(a.count, 12 * 16 + 2 + 1, 12 * 16 + 2 + 1 + 60);
}

/* ---- what stops, changes, fills up ---- */

static void see_token(void *ctx, const struct file_row *row)
{
    snprintf(ctx, 80, "%s", row->token);
}

static void a_file_that_changes_while_it_is_read_is_refused_by_name(void **state)
{
    struct world *w = *state;
    struct story s;
    file_story(w, &s);
    world_source_of(w, s.ana)->change = 2 * MIB + MIB / 2;
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    file_wait(w, s.ana, "failed");
    assert_string_equal(file_look(w, s.ana).why, "FILE_CHANGED");
    world_run(w, MINUTE_MS);
    assert_int_equal(file_look(w, s.ben).count, 0);
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM entry WHERE kind = 32"), 0);
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM file_part"), 0);
    assert_int_equal(world_refused(w, s.ana, ST_FILE_CHANGED), 1);
    char token[80];
    assert_ok(view_files(world_node(w, s.ana), NULL, 0, see_token, token));
    world_ok(w, s.ana, CMD_CANCEL, token, NULL, NULL, NULL); /* there is nothing more to be told of it */
    file_wait(w, s.ana, NULL);
}

static void a_disk_that_fills_holds_up_the_file_and_nothing_else(void **state)
{
    struct world *w = *state;
    struct story s;
    file_story(w, &s);
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    file_wait(w, s.ben, "offered");
    world_source_of(w, s.ben)->full = true;
    char id[80];
    snprintf(id, sizeof(id), "%s", file_look(w, s.ben).id);
    assert_status(world_do(w, s.ben, CMD_GET, id, NULL, NULL, NULL)->status, ST_FILE_NO_ROOM);
    world_source_of(w, s.ben)->full = false;
    world_ok(w, s.ben, CMD_GET, id, NULL, NULL, NULL);
    world_source_of(w, s.ben)->full = true;
    world_run(w, 2 * MINUTE_MS);
    assert_string_equal(file_look(w, s.ben).state, "fetching");
    assert_string_equal(file_look(w, s.ben).why, "FILE_NO_ROOM");
    assert_true(file_look(w, s.ben).bytes < 3 * MIB);
    story_say(w, s.ana, "Berg", "meanwhile", s.ben);
    story_say(w, s.ben, "Berg", "here", s.ana);
    world_source_of(w, s.ben)->full = false;
    file_wait(w, s.ben, "here");
    file_assert_bytes(w, s.ben, FILM_SIZE, FILM_SEED, false);
    /* A sender without room sends nothing. */
    world_source_of(w, s.ana)->full = true;
    assert_status(world_do(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL)->status, ST_FILE_NO_ROOM);
}

static void a_file_arrives_when_the_power_goes_and_requests_get_lost(void **state)
{
    struct world *w = *state;
    struct story s;
    file_story(w, &s);
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    file_wait(w, s.ben, "offered");
    world_ok(w, s.ben, CMD_GET, file_look(w, s.ben).id, NULL, NULL, NULL);
    world_lose(w, 10);
    world_repeat(w, 20);
    for (unsigned i = 0; i < 6; i++) {
        world_fail_disk(w, i % 2 == 0 ? s.ana : s.ben, 20 + 10 * i);
        world_run(w, 5000);
    }
    world_fail_disk(w, s.ana, 0);
    world_fail_disk(w, s.ben, 0);
    file_wait(w, s.ben, "here");
    file_assert_bytes(w, s.ben, FILM_SIZE, FILM_SEED, false);
    assert_true(world_power_cuts(w, s.ana) + world_power_cuts(w, s.ben) > 0);
}

static void a_transfer_is_cancelled_at_either_end(void **state)
{
    struct world *w = *state;
    struct story s;
    file_story(w, &s);
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    file_wait(w, s.ben, "offered");
    char id[80];
    snprintf(id, sizeof(id), "%s", file_look(w, s.ben).id);
    assert_status(world_do(w, s.ben, CMD_CANCEL, id, NULL, NULL, NULL)->status, ST_FILE_OVER);
    world_ok(w, s.ben, CMD_GET, id, NULL, NULL, NULL);
    world_run(w, 200);
    world_ok(w, s.ben, CMD_CANCEL, id, NULL, NULL, NULL);
    file_wait(w, s.ben, "offered");
    world_run(w, MINUTE_MS);
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM file_part"), 0);
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM log WHERE kind = 8"), 0);
    /* The sender takes it back while it is put up: nothing of it stays anywhere. */
    world_cut(w, s.ana, true);
    const char *token = world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL)->id;
    snprintf(id, sizeof(id), "%s", token);
    file_wait(w, s.ana, "sending");
    world_ok(w, s.ana, CMD_CANCEL, id, NULL, NULL, NULL);
    world_cut(w, s.ana, false);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(file_look(w, s.ana).count, 1);
    assert_int_equal(file_look(w, s.ben).count, 1);
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM log WHERE kind = 9"), 1);
}

/* ---- the end of a message is the end of its file ---- */

static void a_deleted_file_goes_from_every_device_and_from_the_relay(void **state)
{
    struct world *w = *state;
    struct story s;
    uint8_t some[32];
    story_children_meet(w, &s);
    send(w, &s, MIB + 1, true);
    file_wait(w, s.leo, "here");
    for (size_t i = 0; i < sizeof(some); i++)
        some[i] = world_source_byte(7, true, 1000 + i);
    assert_true(world_disk_find(world_disk_of(w, s.leo), some, sizeof(some)) > 0);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM notice WHERE what = 'thing'"), 1);
    world_ok(w, s.maya, CMD_DELETE, file_look(w, s.maya).id, NULL, NULL, NULL);
    file_wait(w, s.leo, NULL);
    world_run(w, 10 * MINUTE_MS);
    file_assert_none(w, s.maya);
    file_assert_none(w, s.leo);
    assert_int_equal(world_disk_find(world_disk_of(w, s.leo), some, sizeof(some)), 0);
    assert_int_equal(world_disk_find(world_disk_of(w, s.maya), some, sizeof(some)), 0);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM notice WHERE what = 'thing'"), 0);
}

static void a_file_that_runs_out_goes_everywhere(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_ok(w, s.maya, CMD_TIMER, "Leo", "3600", NULL, NULL);
    send(w, &s, MIB + 1, true);
    file_wait(w, s.leo, "here");
    world_run(w, HOUR_MS + 10 * MINUTE_MS);
    file_assert_none(w, s.maya);
    file_assert_none(w, s.leo);
}

static void a_file_whose_deletion_came_first_is_never_fetched(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_off(w, s.leo);
    send(w, &s, MIB + 1, true);
    file_wait(w, s.maya, "sent");
    world_ok(w, s.maya, CMD_DELETE, file_look(w, s.maya).id, NULL, NULL, NULL);
    world_run(w, MINUTE_MS);
    world_on(w, s.leo);
    world_run(w, 10 * MINUTE_MS);
    file_assert_none(w, s.leo);
}

/* ---- when the relay has it no more ---- */

static void who_has_it_puts_it_up_again_when_the_relay_has_it_no_more(void **state)
{
    struct world *w = *state;
    struct story s;
    file_story(w, &s);
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    file_wait(w, s.ana, "sent");
    file_wait(w, s.ben, "offered");
    world_wipe_relay(w);
    world_run(w, 10 * MINUTE_MS);
    world_ok(w, s.ben, CMD_GET, file_look(w, s.ben).id, NULL, NULL, NULL);
    file_wait(w, s.ben, "here");
    file_assert_bytes(w, s.ben, FILM_SIZE, FILM_SEED, false);
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM entry WHERE kind = 34"), 1);
}

/* Ana cannot put up anything; meanwhile the family moves to another relay, and the first one ends. */
static void what_is_put_up_where_nobody_looks_any_more_is_put_up_again(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t other = world_add_relay(w);
    file_story(w, &s);
    world_ok(w, s.ana, CMD_RELAY_ADD, world_relay_at(w, other), NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    file_wait(w, s.ben, "offered");
    assert_string_equal(file_look(w, s.ana).state, "sending");
    world_mute(w, s.ana, true);
    world_ok(w, s.ben, CMD_RELAY_USE, world_relay_at(w, other), NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    assert_string_equal(file_look(w, s.ana).state, "sending");
    world_relay_down(w, 0, true);
    world_mute(w, s.ana, false);
    world_ok(w, s.ben, CMD_GET, file_look(w, s.ben).id, NULL, NULL, NULL);
    file_wait(w, s.ben, "here");
    file_assert_bytes(w, s.ben, FILM_SIZE, FILM_SEED, false);
}

struct progress {
    size_t device;
    bool any, moved; /* once all four were known: parts, bytes, rate, time left */
    struct files_row last;
};

static void see_progress(void *ctx, const struct device_row *row)
{
    struct progress *p = ctx;
    const struct files_row *f = row->files;
    if (!row->this_device || f == NULL)
        return;
    assert_true(f->parts <= f->parts_total && f->bytes <= f->bytes_total && f->files <= f->files_total);
    p->any = true;
    p->moved =
        p->moved || (!f->done && f->parts > 0 && f->bytes > 0 && f->bytes_per_s > 0 && f->left_ms >= 0);
    p->last = *f;
}

static bool is_done(struct world *w, void *ctx)
{
    struct progress *p = ctx;
    p->any = false;
    assert_ok(view_devices(world_node(w, p->device), see_progress, p));
    return p->any && p->last.done;
}

static void a_new_device_gets_files_with_its_history_from_its_person_s_other_one(void **state)
{
    struct world *w = *state;
    struct story s;
    file_story(w, &s);
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    file_wait(w, s.ben, "offered");
    world_ok(w, s.ben, CMD_GET, file_look(w, s.ben).id, NULL, NULL, NULL);
    file_wait(w, s.ben, "here");
    world_wipe_relay(w);
    world_run(w, 10 * MINUTE_MS);
    size_t laptop = story_add(w, s.ben, "Ben's laptop", "Ben", "parent", SIZE_MAX);
    world_off(w, s.ana);
    struct progress p = {.device = laptop};
    assert_true(world_until(w, is_done, &p, 2 * HOUR_MS));
    assert_true(p.moved);
    assert_int_equal(p.last.files, 1);
    assert_int_equal(p.last.parts, 13);
    assert_int_equal(p.last.bytes, 3 * MIB + 5);
    assert_int_equal(p.last.left_ms, -1);
    file_wait(w, laptop, "here");
    file_assert_bytes(w, laptop, FILM_SIZE, FILM_SEED, false);
}

/* ---- by the rules ---- */

static void T20_a_child_sends_and_gets_only_kinds_that_the_rules_let_through(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_source_add(world_source_of(w, s.maya), "/film", MIB, 9, false);
    const struct world_result *r = world_do(w, s.maya, CMD_SEND_FILE, "Leo", "/film", NULL, NULL);
    assert_status(r->status, ST_POLICY_DENIED);
    assert_int_equal(file_look(w, s.maya).count, 0);
    world_ok(w, s.ana, CMD_POLICY_SET, "Maya", "attachments", "none", NULL);
    world_run(w, MINUTE_MS);
    world_source_add(world_source_of(w, s.maya), "/image", MIB, 9, true);
    assert_status(world_do(w, s.maya, CMD_SEND_FILE, "Leo", "/image", NULL, NULL)->status, ST_POLICY_DENIED);
    /* In the family nobody asks. */
    world_ok(w, s.maya, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    file_wait(w, s.ana, "offered");
}

/* ---- a sender who lies ---- */

enum lie {
    LIE_NONE,
    LIE_LIST,
    LIE_PART,
    LIE_MEDIA,
    LIE_SHORT,
    LIE_ENDLESS,
    LIE_OUR_LOG,
    LIE_RELAY,
    LIE_KIND,
    LIE_SIZE
};

struct liar {
    enum lie lie;
    struct world *w;
};

static enum status put(struct node *n, int64_t log, enum file_record_kind kind, uint32_t index,
                       struct span bytes)
{
    struct buffer b;
    struct writer w;
    struct file_record r = {kind, index, bytes};
    buffer_init(&b, 1 << 20);
    writer_init(&w, &b);
    enum status st = file_record_encode(&w, &r);
    struct span message = buffer_span(&b);
    if (st == ST_OK)
        st = logs_append(n, log, &message, 1, OUTBOX_PLAIN, 0, NULL);
    buffer_wipe(&b);
    return st;
}

static enum status our_log(struct node *n, struct file_log *out)
{
    struct query q;
    struct log_hashes hashes;
    query_start(&q, &n->sql,
                "SELECT l.hashes, l.read_token FROM log l JOIN mls_group g ON g.log = l.id WHERE g.kind = 5",
                "");
    if (query_next(&q)) {
        query_fixed(&q, 0, (uint8_t *)&hashes, sizeof(hashes));
        QUERY_ID(&q, 1, &out->read_token);
        memcpy(out->write_hash, hashes.of[LOG_WRITE].b, HASH_LEN);
        memcpy(out->trim_hash, hashes.of[LOG_TRIM].b, HASH_LEN);
    }
    return query_end(&q);
}

static enum status fill_log(struct node *n, int64_t log, enum lie lie, uint8_t bytes[static 1000],
                            uint8_t list[static HASH_LEN])
{
    enum status st = ST_OK;
    if (lie == LIE_LIST)
        list[0] ^= 1;
    st = put(n, log, FILE_RECORD_LIST, 0, SPAN_OF(list, HASH_LEN));
    if (lie == LIE_PART)
        bytes[500] ^= 1;
    if (st == ST_OK && lie != LIE_SHORT && lie != LIE_ENDLESS)
        st = put(n, log, FILE_RECORD_PART, 0, SPAN_OF(bytes, lie == LIE_SIZE ? 999 : 1000));
    for (uint32_t i = 0; st == ST_OK && lie == LIE_ENDLESS && i < 12; i++)
        st = put(n, log, FILE_RECORD_PART, 0, SPAN_OF((uint8_t[FILE_PART_LEN]){0}, FILE_PART_LEN));
    return st;
}

/* An image of 1,000 bytes, but for the lie. */
static enum status lie_about(struct node *n, void *arg)
{
    const struct liar *l = arg;
    uint8_t bytes[1000], list[HASH_LEN];
    struct log_keys k;
    struct scope_id scope;
    int64_t log = 0;
    struct entry_body body = {.kind = ENTRY_ATTACHMENT};
    struct entry_attachment *a = &body.u.attachment;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = world_source_byte(1, l->lie != LIE_MEDIA && l->lie != LIE_KIND, i);
    hash_bytes(SPAN_OF(bytes, l->lie == LIE_SIZE ? 999 : 1000), list);
    hash_bytes(SPAN(list), a->list_hash);
    log_keys_new(n, true, &k);
    struct log_args args = {.kind = LOG_FILE_OUT, .relay = world_relay(l->w), .keys = &k};
    enum status st = logs_add(n, &args, &log);
    a->name = span_text("holiday.png");
    a->media = span_text(l->lie == LIE_KIND ? "application/octet-stream" : "image/png");
    a->size = sizeof(bytes);
    a->block_key = k.block_key;
    a->log.relay =
        span_text(l->lie == LIE_RELAY ? "kith-relay://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@evil:1"
                                      : world_relay(l->w));
    memcpy(a->log.read_token.b, k.read.b, sizeof(k.read.b));
    memcpy(a->log.write_hash, k.hashes.of[LOG_WRITE].b, HASH_LEN);
    memcpy(a->log.trim_hash, k.hashes.of[LOG_TRIM].b, HASH_LEN);
    if (st == ST_OK && l->lie == LIE_OUR_LOG)
        st = our_log(n, &a->log);
    if (st == ST_OK)
        st = fill_log(n, log, l->lie, bytes, list);
    struct query q;
    query_start(&q, &n->sql, "SELECT scope FROM contact WHERE state = 2", "");
    if (query_next(&q))
        QUERY_ID(&q, 0, &scope);
    enum status end = query_end(&q);
    if (st == ST_OK)
        st = end == ST_OK ? journal_append(n, SCOPE_CONVERSATION, &scope, &body, NULL) : end;
    log_keys_wipe(&k);
    return st;
}

/* Leo's device after Maya's lied; it goes on talking. */
static struct file_seen lied(void **state, enum lie lie, struct story *s)
{
    struct world *w = *state;
    struct liar l = {lie, w};
    story_children_meet(w, s);
    assert_ok(world_forge(w, s->maya, lie_about, &l));
    world_run(w, 5 * MINUTE_MS);
    story_say(w, s->maya, "Leo", "and then", s->leo);
    story_say(w, s->leo, "Maya", "what", s->maya);
    assert_int_equal(world_alarms(w, s->leo), 0);
    return file_look(w, s->leo);
}

static void what_is_told_truly_comes(void **state)
{
    struct story s;
    assert_string_equal(lied(state, LIE_NONE, &s).state, "here");
}

static void T53_a_list_that_is_not_the_promised_one_is_refused(void **state)
{
    struct story s;
    assert_string_equal(lied(state, LIE_LIST, &s).state, "fetching");
    assert_true(world_refused(*state, s.leo, ST_FILE_LIST) > 0);
    assert_int_equal(world_number(*state, s.leo, "SELECT count(*) FROM file_part"), 0);
}

static void T53_a_part_that_is_not_the_promised_one_is_refused(void **state)
{
    struct story s;
    assert_string_equal(lied(state, LIE_PART, &s).state, "fetching");
    assert_true(world_refused(*state, s.leo, ST_FILE_PART) > 0);
    assert_int_equal(world_number(*state, s.leo, "SELECT count(*) FROM file_part"), 0);
}

static void T53_a_part_of_another_length_is_refused(void **state)
{
    struct story s;
    assert_string_equal(lied(state, LIE_SIZE, &s).state, "fetching");
    assert_true(world_refused(*state, s.leo, ST_FILE_PART) > 0);
}

static void T20_what_is_let_through_as_an_image_has_to_be_one(void **state)
{
    struct story s;
    struct file_seen f = lied(state, LIE_MEDIA, &s);
    assert_string_equal(f.state, "failed");
    assert_string_equal(f.why, "FILE_MEDIA");
    assert_int_equal(world_number(*state, s.leo, "SELECT count(*) FROM file_part"), 0);
}

static void T20_a_file_that_the_rules_do_not_let_through_is_void_where_it_comes_in(void **state)
{
    struct story s;
    assert_int_equal(lied(state, LIE_KIND, &s).count, 0);
    assert_int_equal(world_refused(*state, s.leo, ST_FILE_RULES), 1);
    assert_int_equal(world_number(*state, s.leo, "SELECT applied FROM entry WHERE kind = 32"), 2);
}

static void a_log_that_ends_early_stays_unfinished_and_others_are_asked(void **state)
{
    struct story s;
    assert_string_equal(lied(state, LIE_SHORT, &s).state, "fetching");
    assert_true(world_number(*state, s.leo, "SELECT count(*) FROM entry WHERE kind = 33") > 0);
}

static void T15_a_log_that_does_not_end_is_let_go(void **state)
{
    struct story s;
    struct file_seen f = lied(state, LIE_ENDLESS, &s);
    assert_string_equal(f.state, "failed");
    assert_string_equal(f.why, "FILE_ENDLESS");
    assert_int_equal(world_number(*state, s.leo, "SELECT count(*) FROM log WHERE kind = 8"), 0);
}

static void T15_a_file_cannot_name_a_log_that_is_something_else_here(void **state)
{
    struct world *w = *state;
    struct story s;
    struct file_seen f = lied(state, LIE_OUR_LOG, &s);
    assert_string_equal(f.state, "offered");
    assert_status(world_do(w, s.leo, CMD_GET, f.id, NULL, NULL, NULL)->status, ST_FILE_LOG);
    assert_int_equal(world_number(w, s.leo,
                                  "SELECT count(*) FROM log l JOIN mls_group g ON g.log = l.id WHERE"
                                  " g.kind = 5 AND l.kind = 1"),
                     1);
}

static void T15_a_file_cannot_send_a_device_to_a_relay_that_it_does_not_use(void **state)
{
    struct world *w = *state;
    struct story s;
    struct file_seen f = lied(state, LIE_RELAY, &s);
    assert_string_equal(f.state, "offered");
    /* Others are asked for the bytes instead. */
    world_ok(w, s.leo, CMD_GET, f.id, NULL, NULL, NULL);
    world_run(w, 5 * MINUTE_MS);
    assert_string_equal(file_look(w, s.leo).state, "fetching");
    assert_in_range(world_number(w, s.leo, "SELECT count(*) FROM entry WHERE kind = 33 AND own = 1"), 1, 4);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM relay"), 1);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM log WHERE kind = 8"), 0);
    world_ok(w, s.leo, CMD_CANCEL, f.id, NULL, NULL, NULL);
    file_wait(w, s.leo, "offered");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(an_image_arrives_by_itself_and_whole),
        WORLD_TEST(a_film_is_fetched_when_it_is_asked_for),
        WORLD_TEST(what_is_interrupted_goes_on_and_no_part_is_sent_twice),
        WORLD_TEST(a_file_that_changes_while_it_is_read_is_refused_by_name),
        WORLD_TEST(a_disk_that_fills_holds_up_the_file_and_nothing_else),
        WORLD_TEST(a_file_arrives_when_the_power_goes_and_requests_get_lost),
        WORLD_TEST(a_transfer_is_cancelled_at_either_end),
        WORLD_TEST(a_deleted_file_goes_from_every_device_and_from_the_relay),
        WORLD_TEST(a_file_that_runs_out_goes_everywhere),
        WORLD_TEST(a_file_whose_deletion_came_first_is_never_fetched),
        WORLD_TEST(who_has_it_puts_it_up_again_when_the_relay_has_it_no_more),
        WORLD_TEST(what_is_put_up_where_nobody_looks_any_more_is_put_up_again),
        WORLD_TEST(a_new_device_gets_files_with_its_history_from_its_person_s_other_one),
        WORLD_TEST(T20_a_child_sends_and_gets_only_kinds_that_the_rules_let_through),
        WORLD_TEST(what_is_told_truly_comes),
        WORLD_TEST(T53_a_list_that_is_not_the_promised_one_is_refused),
        WORLD_TEST(T53_a_part_that_is_not_the_promised_one_is_refused),
        WORLD_TEST(T53_a_part_of_another_length_is_refused),
        WORLD_TEST(T20_what_is_let_through_as_an_image_has_to_be_one),
        WORLD_TEST(T20_a_file_that_the_rules_do_not_let_through_is_void_where_it_comes_in),
        WORLD_TEST(a_log_that_ends_early_stays_unfinished_and_others_are_asked),
        WORLD_TEST(T15_a_log_that_does_not_end_is_let_go),
        WORLD_TEST(T15_a_file_cannot_name_a_log_that_is_something_else_here),
        WORLD_TEST(T15_a_file_cannot_send_a_device_to_a_relay_that_it_does_not_use),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
