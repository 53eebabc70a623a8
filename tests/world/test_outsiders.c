/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of another family in this one's scopes: what a contact's family can certify, and what somebody on the
 * inside can pass on for it. */
#include <stdio.h>
#include <string.h>

#include "sync/journal_internal.h"
#include "tests/world/world_scene.h"

static int setup(void **state)
{
    (void)scene_begin(state);
    struct scene *x = *state;
    story_say(x->w, x->s.maya, "Berg", "Leo says hello", x->s.ana);
    world_run(x->w, 5 * MINUTE_MS);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, scene_end)

/* ---- an entry of a contact's in the family ---- */

struct outsider {
    struct scope_id scope;
    enum scope_kind kind;
    struct node *signer;
    struct buffer entry;
};

/* The first entry of the signer in that scope, signed as it has to be. */
static enum status write_text(struct outsider *o, struct now now)
{
    struct journal_entry e = {.has_body = true, .kind = ENTRY_TEXT};
    struct entry_body body = {.kind = ENTRY_TEXT};
    struct buffer text;
    struct writer w;
    buffer_init(&text, ENTRY_BODY_MAX);
    body.u.text.text = span_text("from outside");
    writer_init(&w, &text);
    enum status st = entry_body_encode(&w, &body);
    e.header.scope = o->scope;
    e.header.author = o->signer->self.device;
    e.header.seq = 1;
    e.header.hlc = hlc_next(0, now.wall_ms);
    e.body = buffer_span(&text);
    if (st == ST_OK)
        st = journal_entry_hash_body(&e);
    e.has_signature = journal_scope_signs(o->kind);
    if (st == ST_OK && e.has_signature)
        st = journal_entry_sign(&e, &o->signer->self.key);
    writer_init(&w, &o->entry);
    if (st == ST_OK)
        st = journal_entry_encode(&w, &e);
    buffer_wipe(&text);
    return st;
}

static enum status pass_on(struct node *n, void *arg)
{
    const struct outsider *o = arg;
    struct group *g = NULL;
    const struct group_message m = {GROUP_PASSED_ON, buffer_span(&o->entry)};
    enum status st = group_of_scope(n, &o->scope, &g);
    return st == ST_OK ? group_send(n, g, &m, 1, OUTBOX_PLAIN, NULL) : st;
}

static int64_t outside_entries(struct scene *x, size_t device, struct node *by)
{
    struct query q;
    int64_t count = -1;
    query_start(&q, &world_node(x->w, device)->sql,
                "SELECT count(*) FROM entry e JOIN mls_group g ON g.scope = e.scope WHERE g.kind = 1 AND"
                " e.author = ?",
                "b", SPAN_ID(&by->self.device));
    if (query_next(&q))
        count = query_int(&q, 0);
    assert_ok(query_end(&q));
    return count;
}

static void begin(struct scene *x, struct outsider *o)
{
    struct node *maya = world_node(x->w, x->s.maya);
    o->kind = SCOPE_FAMILY;
    o->signer = world_node(x->w, x->s.leo);
    buffer_init(&o->entry, GROUP_MESSAGE_MAX);
    assert_ok(scope_id_of_family(SCOPE_FAMILY, &maya->self.family, &o->scope));
    assert_ok(write_text(o, world_now(x->w)));
}

/* A contact's key signs, a child's tampered device passes it on: the family would see a message of somebody
 * who has no permit. */
static void T20_what_a_contacts_device_signed_is_nothing_in_a_family(void **state)
{
    struct scene *x = *state;
    struct outsider o;
    begin(x, &o);
    /* The parents know the contact's device. */
    assert_true(world_number(x->w, x->s.ana, "SELECT count(DISTINCT family) FROM certificate") > 1);
    assert_ok(world_forge(x->w, x->s.maya, pass_on, &o));
    world_run(x->w, 5 * MINUTE_MS);
    assert_false(world_has_text(x->w, x->s.ana, "from outside", NULL));
    assert_false(world_has_text(x->w, x->s.ben, "from outside", NULL));
    assert_int_equal(outside_entries(x, x->s.ana, o.signer), 0);
    story_say(x->w, x->s.maya, "Berg", "supper?", x->s.ana);
    buffer_wipe(&o.entry);
}

static void T20_nor_where_it_came_before_its_author_was_known(void **state)
{
    struct scene *x = *state;
    struct outsider o;
    struct device_certificate c;
    struct buffer certificate;
    bool found = false;
    struct node *ana = world_node(x->w, x->s.ana);
    buffer_init(&certificate, WIRE_CERTIFICATE_MAX);
    begin(x, &o);
    assert_ok(sql_bytes(&ana->sql, &certificate, &found,
                        "SELECT certificate FROM certificate WHERE device = ?", "b",
                        SPAN_ID(&o.signer->self.device)));
    assert_true(found);
    assert_ok(device_certificate_decode(&c, buffer_span(&certificate)));
    /* As what another device of this person passes on would have come. */
    struct journal_entry e;
    struct entry_hash hash;
    assert_ok(journal_entry_decode(&e, buffer_span(&o.entry)));
    assert_ok(entry_header_hash(&e.header, &hash));
    assert_ok(
        sql_run(&ana->sql,
                "INSERT INTO entry(scope, author, seq, hash, prev, hlc, kind, has_body, entry, attested,"
                " acked, arrived_at) VALUES(?,?,1,?,zeroblob(32),?,1,1,?,1,1,0)",
                "bbbib", SPAN_ID(&o.scope), SPAN_ID(&o.signer->self.device), SPAN_ID(&hash),
                (int64_t)e.header.hlc, buffer_span(&o.entry)));
    world_run(x->w, 5 * MINUTE_MS);
    story_say(x->w, x->s.maya, "Berg", "supper?", x->s.ana);
    assert_int_equal(world_number(x->w, x->s.ana, "SELECT applied FROM entry ORDER BY arrived_at LIMIT 1"),
                     ENTRY_VOID);
    assert_false(world_has_text(x->w, x->s.ana, "from outside", NULL));
    buffer_wipe(&certificate);
    buffer_wipe(&o.entry);
}

/* ---- a have that is full of them ---- */

static enum status members_are_told_of(struct node *n, void *arg)
{
    struct have_author *heads = mem_alloc(HAVE_AUTHORS_MAX, sizeof(*heads));
    struct device_certificate c;
    struct group *g = inside_group(n, SCOPE_CONVERSATION);
    size_t count = 0, *members = arg;
    assert_non_null(heads);
    assert_ok(journal_heads(n, g, heads, &count));
    assert_int_equal(count, HAVE_AUTHORS_MAX);
    for (size_t i = 1; i < count; i++)
        assert_true(memcmp(heads[i - 1].author.b, heads[i].author.b, sizeof(heads[i].author.b)) < 0);
    for (uint32_t at = 0; group_next(g, &at, &c);) {
        for (size_t i = 0; i < count; i++)
            *members += ID_EQUAL(&heads[i].author, &c.device);
    }
    mem_free(heads, HAVE_AUTHORS_MAX * sizeof(*heads));
    return ST_OK;
}

/* A contact's family certifies as many keys as it likes, with ids as low as it likes, and passes an entry of
 * each on. */
static void T15_keys_that_a_contacts_family_made_up_push_no_member_out_of_a_have(void **state)
{
    struct scene *x = *state;
    size_t members = 0;
    world_sql(x->w, x->s.maya,
              "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < 200) INSERT INTO"
              " head(scope, author, cont_seq, cont_hash) SELECT (SELECT scope FROM mls_group WHERE kind = 5"
              " AND state = 1), CAST(printf('%032d', i) AS BLOB), 1, randomblob(32) FROM t");
    assert_ok(world_forge(x->w, x->s.maya, members_are_told_of, &members));
    assert_int_equal(members, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(T20_what_a_contacts_device_signed_is_nothing_in_a_family),
        TEST(T20_nor_where_it_came_before_its_author_was_known),
        TEST(T15_keys_that_a_contacts_family_made_up_push_no_member_out_of_a_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
