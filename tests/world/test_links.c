/* SPDX-License-Identifier: Apache-2.0 */
/* Links in wrong hands: used twice, late, for the other purpose, resealed to somebody else (T11, T13, T14).
 */
#include <stdio.h>
#include <string.h>

#include "protocol/link.h"
#include "sync/contact_internal.h"
#include "tests/world/world_test.h"

static void keep_link(char to[static WORLD_TEXT_MAX], const struct world_result *r)
{
    snprintf(to, WORLD_TEXT_MAX, "%s", r->link);
}

static size_t family_of_three(struct world *w, size_t *ana, size_t *ben)
{
    struct story s;
    story_family_of_three(w, &s);
    *ana = s.ana;
    *ben = s.ben;
    return s.maya;
}

/* ---- pairing links ---- */

static void T13_a_second_device_that_uses_the_link_voids_it(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), maya = world_add(w, "Maya's tablet"),
           thief = world_add(w, "Thief's phone");
    char link[WORLD_TEXT_MAX], code[NODE_CODE_LEN + 1];
    story_found(w, ana, "Berg", "Ana");
    keep_link(link, world_ok(w, ana, CMD_PAIR_INVITE, "Maya", "child", NULL, NULL));
    world_ok(w, maya, CMD_PAIR_ACCEPT, link, "Tablet", NULL, NULL);
    world_run(w, 10000);
    world_ok(w, thief, CMD_PAIR_ACCEPT, link, "Mine", NULL, NULL);
    world_run(w, 10000);
    assert_int_equal(world_pairing(w, ana, code), PAIRING_FAILED);
    assert_status(world_pairing_failed(w, ana), ST_LINK_USED);
    assert_true(world_alarms(w, ana) > 0);
    assert_int_equal(world_pairing(w, maya, code), PAIRING_FAILED);
    assert_int_not_equal(world_pairing(w, thief, code), PAIRING_DONE);
    assert_int_equal(world_number(w, ana, "SELECT count(*) FROM chain_wish"), 0);
}

static void T13_a_pairing_link_ends_after_ten_minutes(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), maya = world_add(w, "Maya's tablet");
    char link[WORLD_TEXT_MAX], code[NODE_CODE_LEN + 1];
    story_found(w, ana, "Berg", "Ana");
    keep_link(link, world_ok(w, ana, CMD_PAIR_INVITE, "Maya", "child", NULL, NULL));
    world_run(w, 10 * MINUTE_MS + 1000);
    assert_status(world_do(w, maya, CMD_PAIR_ACCEPT, link, "Tablet", NULL, NULL)->status, ST_LINK_EXPIRED);
    assert_int_equal(world_pairing(w, ana, code), PAIRING_FAILED);
    /* A device whose clock is behind may try: nobody answers. */
    world_clock(w, maya, -20 * MINUTE_MS);
    world_ok(w, maya, CMD_PAIR_ACCEPT, link, "Tablet", NULL, NULL);
    world_run(w, 5 * MINUTE_MS);
    assert_int_not_equal(world_pairing(w, maya, code), PAIRING_CODE);
    assert_int_equal(world_number(w, ana, "SELECT count(*) FROM chain_wish"), 0);
}

static void T13_a_photographed_link_is_of_no_use_after_pairing(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), maya = world_add(w, "Maya's tablet"),
           thief = world_add(w, "Thief's phone");
    char link[WORLD_TEXT_MAX], code[NODE_CODE_LEN + 1];
    story_found(w, ana, "Berg", "Ana");
    keep_link(link, world_ok(w, ana, CMD_PAIR_INVITE, "Maya", "child", NULL, NULL));
    world_ok(w, maya, CMD_PAIR_ACCEPT, link, "Tablet", NULL, NULL);
    world_run(w, 10000);
    world_pairing(w, maya, code);
    world_ok(w, ana, CMD_PAIR_CONFIRM, code, NULL, NULL, NULL);
    world_run(w, 10000);
    world_ok(w, maya, CMD_PAIR_YES, NULL, NULL, NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_int_equal(world_pairing(w, maya, code), PAIRING_DONE);
    (void)world_do(w, thief, CMD_PAIR_ACCEPT, link, "Mine", NULL, NULL);
    world_run(w, 5 * MINUTE_MS);
    enum pairing_state s = world_pairing(w, thief, code);
    assert_true(s == PAIRING_NONE || s == PAIRING_ASKED || s == PAIRING_FAILED);
    assert_int_equal(world_number(w, ana, "SELECT count(*) FROM certificate"), 2);
}

/* A person at the device, and yet not in the family: whoever types the code after a wrong one is too late. */
static void T13_the_right_code_after_a_wrong_one_is_too_late(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), maya = world_add(w, "Maya's tablet");
    char link[WORLD_TEXT_MAX], code[NODE_CODE_LEN + 1], wrong[NODE_CODE_LEN + 1];
    story_found(w, ana, "Berg", "Ana");
    keep_link(link, world_ok(w, ana, CMD_PAIR_INVITE, "Maya", "child", NULL, NULL));
    world_ok(w, maya, CMD_PAIR_ACCEPT, link, "Tablet", NULL, NULL);
    world_run(w, 10000);
    world_pairing(w, maya, code);
    memcpy(wrong, code, sizeof(wrong));
    wrong[5] = wrong[5] == '0' ? '1' : '0';
    assert_status(world_do(w, ana, CMD_PAIR_CONFIRM, wrong, NULL, NULL, NULL)->status, ST_PAIRING_CODE);
    assert_status(world_do(w, ana, CMD_PAIR_CONFIRM, code, NULL, NULL, NULL)->status, ST_PAIRING_NONE);
    world_run(w, MINUTE_MS);
    assert_int_equal(world_number(w, ana, "SELECT count(*) FROM certificate"), 1);
}

/* ---- the one kind for the other ---- */

static void T14_a_meeting_link_pairs_nothing_and_a_pairing_link_meets_nobody(void **state)
{
    struct world *w = *state;
    size_t ana, ben, maya = family_of_three(w, &ana, &ben), sam = world_add(w, "Sam's phone"),
                     fresh = world_add(w, "New phone");
    char pair[WORLD_TEXT_MAX], meet[WORLD_TEXT_MAX], code[NODE_CODE_LEN + 1];
    story_found(w, sam, "Stranger", "Sam");
    keep_link(meet, world_ok(w, sam, CMD_INVITE, NULL, NULL, NULL, NULL));
    keep_link(pair, world_ok(w, sam, CMD_PAIR_INVITE, "Maya", "child", NULL, NULL));
    assert_status(world_do(w, fresh, CMD_PAIR_ACCEPT, meet, "x", NULL, NULL)->status, ST_LINK_OTHER_KIND);
    assert_status(world_do(w, maya, CMD_MEET, pair, "x", NULL, NULL)->status, ST_LINK_OTHER_KIND);
    /* The scheme exchanged: the structure within is another too. */
    memcpy(meet, "kith-pair:", 10);
    memcpy(pair, "kith-meet:", 10);
    assert_int_not_equal(ST_OK, world_do(w, fresh, CMD_PAIR_ACCEPT, meet, "x", NULL, NULL)->status);
    assert_int_not_equal(ST_OK, world_do(w, maya, CMD_MEET, pair, "x", NULL, NULL)->status);
    assert_int_equal(world_pairing(w, fresh, code), PAIRING_NONE);
    assert_int_equal(world_number(w, maya, "SELECT count(*) FROM request"), 0);
}

static void T14_a_device_in_a_family_joins_no_other(void **state)
{
    struct world *w = *state;
    size_t ana, ben, maya = family_of_three(w, &ana, &ben), sam = world_add(w, "Sam's phone");
    char pair[WORLD_TEXT_MAX];
    story_found(w, sam, "Stranger", "Sam");
    keep_link(pair, world_ok(w, sam, CMD_PAIR_INVITE, "Maya", "child", NULL, NULL));
    assert_status(world_do(w, maya, CMD_PAIR_ACCEPT, pair, "x", NULL, NULL)->status, ST_COMMAND_IN_FAMILY);
    world_run(w, MINUTE_MS);
    assert_int_equal(world_number(w, sam, "SELECT count(*) FROM certificate"), 1);
}

/* ---- what reaches a child ---- */

struct key_search {
    uint8_t keys[8][32];
    size_t key_count, found;
};

static void clamp(uint8_t k[static 32])
{
    k[0] &= 248;
    k[31] = (uint8_t)((k[31] & 127) | 64);
}

/* Each window of 32 bytes, as X25519 would take it for a private key. */
static void search_windows(void *ctx, const char *name, const uint8_t *bytes, size_t len)
{
    struct key_search *s = ctx;
    (void)name;
    for (size_t at = 0; at + 32 <= len; at++) {
        for (size_t k = 0; k < s->key_count; k++) {
            if (memcmp(bytes + at + 1, s->keys[k] + 1, 30) != 0)
                continue;
            uint8_t window[32];
            memcpy(window, bytes + at, 32);
            clamp(window);
            s->found += memcmp(window, s->keys[k], 32) == 0;
        }
    }
}

static void T11_T23_no_bytes_of_a_childs_device_open_what_comes_by_its_invite(void **state)
{
    struct world *w = *state;
    struct key_search s = {.key_count = 0};
    size_t ana, ben, maya = family_of_three(w, &ana, &ben), sam = world_add(w, "Sam's phone");
    char link[WORLD_TEXT_MAX];
    story_found(w, sam, "Stranger", "Sam");
    keep_link(link, world_ok(w, ana, CMD_INVITE, "Maya", NULL, NULL, NULL));
    story_meet(w, sam, link, "let me in");
    world_run(w, 5 * MINUTE_MS);
    struct query q;
    query_start(&q, &world_node(w, ana)->sql, "SELECT hpke_private FROM letterbox WHERE kind = 2", "");
    while (query_next(&q)) {
        query_fixed(&q, 0, s.keys[s.key_count], 32);
        clamp(s.keys[s.key_count++]);
    }
    assert_ok(query_end(&q));
    assert_int_equal(s.key_count, 1);
    world_files(w, maya, search_windows, &s);
    assert_int_equal(s.found, 0);
    world_files(w, sam, search_windows, &s);
    assert_int_equal(s.found, 0);
    world_files(w, ana, search_windows, &s);
    assert_true(s.found > 0);
    s.found = 0;
    world_files(w, ben, search_windows, &s);
    assert_true(s.found > 0);
    /* And nothing of the request itself: it is neither a row nor an entry there. */
    assert_int_equal(world_number(w, maya, "SELECT count(*) FROM request"), 0);
    assert_int_equal(world_number(w, maya, "SELECT count(*) FROM entry WHERE kind IN (5, 6, 7, 12)"), 0);
}

/* ---- a request sealed again for somebody else's child ---- */

struct resealing {
    struct letterbox box;
    struct buffer payload; /* box borrows from it */
};

static enum status put_into_box(struct node *n, const struct letterbox *box, struct span sealed)
{
    int64_t log = 0;
    char relay[WIRE_RELAY_MAX + 1];
    struct log_keys keys = {.can_write = true, .block_key = box->block_key};
    text_copy(relay, sizeof(relay), box->relay);
    memcpy(keys.write.b, box->write_token.b, sizeof(keys.write.b));
    memcpy(keys.hashes.of[LOG_READ].b, box->read_hash, HASH_LEN);
    memcpy(keys.hashes.of[LOG_TRIM].b, box->trim_hash, HASH_LEN);
    log_keys_hash(&keys);
    struct log_args a = {.kind = LOG_OUTWARD, .relay = relay, .keys = &keys};
    enum status st = logs_add(n, &a, &log);
    return st == ST_OK ? logs_append(n, log, &sealed, 1, OUTBOX_PLAIN, 0, NULL) : st;
}

/* What a parent could do with a request to their own child: open it, and put it as it is into another box. */
static enum status reseal(struct node *n, void *arg)
{
    const struct resealing *r = arg;
    struct buffer message, sealed;
    bool found = false;
    buffer_init(&message, LETTERBOX_MESSAGE_MAX);
    buffer_init(&sealed, LETTERBOX_MESSAGE_MAX + LETTERBOX_SEAL_OVERHEAD);
    enum status st = sql_bytes(&n->sql, &message, &found, "SELECT body FROM request WHERE kind = ?", "i",
                               (int64_t)REQUEST_APPROACH);
    assert_true(found);
    struct log_id log;
    uint8_t enc[HPKE_ENC_LEN] = {0};
    if (st == ST_OK)
        st = letterbox_log_id(&r->box, &log);
    if (st == ST_OK)
        st = buffer_append(&sealed, SPAN(enc));
    if (st == ST_OK)
        st = hpke_seal_label(LABELS_KITH, &r->box.hpke_public, span_text(label_text(LABEL_LETTERBOX_SEAL)),
                             SPAN_ID(&log), buffer_span(&message), &n->entropy, enc, &sealed);
    if (st == ST_OK)
        memcpy(sealed.ptr, enc, sizeof(enc));
    if (st == ST_OK)
        st = put_into_box(n, &r->box, buffer_span(&sealed));
    buffer_wipe(&message);
    buffer_wipe(&sealed);
    return st;
}

/* The asker is an adult (no permit is asked of them), so that nothing but the address can be wrong. */
static void T11_a_request_sealed_again_for_somebody_elses_child_reaches_nobody(void **state)
{
    struct world *w = *state;
    struct invite invite;
    struct resealing r;
    size_t ana, ben, maya = family_of_three(w, &ana, &ben), sam = world_add(w, "Sam's phone"),
                     rosa = world_add(w, "Rosa's phone"), leo = world_add(w, "Leo's tablet");
    char link[WORLD_TEXT_MAX];
    (void)maya;
    story_found(w, sam, "Stranger", "Sam");
    story_found(w, rosa, "Sol", "Rosa");
    story_pair(w, rosa, leo, "Leo", "child", SIZE_MAX);
    keep_link(link, world_ok(w, rosa, CMD_INVITE, "Leo", NULL, NULL, NULL));
    story_meet(w, sam, link, "an honest request to Leo");
    world_run(w, MINUTE_MS);
    assert_true(story_has_request(w, rosa));
    keep_link(link, world_ok(w, ana, CMD_INVITE, "Maya", NULL, NULL, NULL));
    buffer_init(&r.payload, LINK_PAYLOAD_MAX);
    assert_ok(link_parse(LINK_MEET, span_text(link), &r.payload));
    assert_ok(invite_decode(&invite, buffer_span(&r.payload)));
    assert_ok(letterbox_decode(&r.box, invite.letterbox));
    int64_t skipped = world_number(w, ana, "SELECT value FROM meta WHERE key = 'blocks_skipped'");
    assert_ok(world_forge(w, rosa, reseal, &r));
    world_run(w, 5 * MINUTE_MS);
    assert_false(story_has_request(w, ana));
    assert_false(story_has_request(w, ben));
    assert_int_equal(world_number(w, ana, "SELECT count(*) FROM request"), 0);
    assert_true(world_number(w, ana, "SELECT value FROM meta WHERE key = 'blocks_skipped'") > skipped);
    buffer_wipe(&r.payload);
}

/* ---- the clock ---- */

static void T11_a_meeting_link_that_ran_out_is_refused(void **state)
{
    struct world *w = *state;
    size_t ana, ben, maya = family_of_three(w, &ana, &ben), sam = world_add(w, "Sam's phone");
    char link[WORLD_TEXT_MAX];
    (void)maya;
    story_found(w, sam, "Stranger", "Sam");
    keep_link(link, world_ok(w, ana, CMD_INVITE, "Maya", NULL, NULL, NULL));
    world_off(w, ben);
    world_off(w, maya);
    world_run(w, INT64_C(91) * 24 * 60 * MINUTE_MS);
    assert_status(world_do(w, sam, CMD_MEET, link, "late", NULL, NULL)->status, ST_LINK_EXPIRED);
    world_clock(w, sam, -INT64_C(30) * 24 * 60 * MINUTE_MS); /* its own clock is its own affair */
    (void)world_do(w, sam, CMD_MEET, link, "late", NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    assert_false(story_has_request(w, ana));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T13_a_second_device_that_uses_the_link_voids_it),
        WORLD_TEST(T13_a_pairing_link_ends_after_ten_minutes),
        WORLD_TEST(T13_a_photographed_link_is_of_no_use_after_pairing),
        WORLD_TEST(T13_the_right_code_after_a_wrong_one_is_too_late),
        WORLD_TEST(T14_a_meeting_link_pairs_nothing_and_a_pairing_link_meets_nobody),
        WORLD_TEST(T14_a_device_in_a_family_joins_no_other),
        WORLD_TEST(T11_T23_no_bytes_of_a_childs_device_open_what_comes_by_its_invite),
        WORLD_TEST(T11_a_request_sealed_again_for_somebody_elses_child_reaches_nobody),
        WORLD_TEST(T11_a_meeting_link_that_ran_out_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
