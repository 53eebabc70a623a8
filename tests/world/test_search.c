/* SPDX-License-Identifier: Apache-2.0 */
/* Search in one's own history: what is found, what is not, and what a forgotten text leaves behind. */
#include <stdio.h>
#include <string.h>

#include "sync/journal.h"
#include "sync/schema.h"
#include "sync/search.h"
#include "tests/world/world_test.h"

enum { FOUND_MAX = 8192, QUERY_MAX = 12000, ERASED_MS = SEARCH_ERASE_MS + 5000 };

/* ---- asking ---- */

struct found {
    char texts[FOUND_MAX]; /* in the order in which they were told, each with a bar after it */
    size_t count;
};

static void add_found(void *ctx, const struct history_row *row)
{
    struct found *f = ctx;
    size_t len = strlen(f->texts);
    snprintf(f->texts + len, sizeof(f->texts) - len, "%s|", row->text);
    f->count++;
}

static enum status ask(struct world *w, size_t device, const struct search_args *args, struct found *out)
{
    memset(out, 0, sizeof(*out));
    return view_search(world_node(w, device), args, add_found, out);
}

static void expect(struct world *w, size_t device, const char *words, const char *with, const char *from,
                   const char *texts)
{
    struct found f;
    const struct search_args args = {.words = words, .with = with, .from = from};
    assert_ok(ask(w, device, &args, &f));
    assert_string_equal(f.texts, texts);
}

static size_t count(struct world *w, size_t device, const char *words)
{
    struct found f;
    const struct search_args args = {.words = words, .limit = NODE_ROWS_MAX};
    assert_ok(ask(w, device, &args, &f));
    return f.count;
}

static void say(struct world *w, size_t device, const char *text)
{
    world_ok(w, device, CMD_SEND, "Berg", text, NULL, NULL);
}

static size_t alone(struct world *w)
{
    size_t ana = world_add(w, "Ana's phone");
    story_found(w, ana, "Berg", "Ana");
    return ana;
}

static void texts_are_found_by_their_words_whatever_the_order_case_and_diacritics(void **state)
{
    struct world *w = *state;
    size_t ana = alone(w);
    say(w, ana, "Frau Müller kommt um sieben");
    world_run(w, 120000);
    say(w, ana, "Sieben Äpfel, e-mail an jürgen@example.org");
    expect(w, ana, "sieben", NULL, NULL,
           "Frau Müller kommt um sieben|Sieben Äpfel, e-mail an jürgen@example.org|");
    expect(w, ana, "kommt MULLER ", NULL, NULL, "Frau Müller kommt um sieben|");
    expect(w, ana, "apfel", NULL, NULL, "Sieben Äpfel, e-mail an jürgen@example.org|");
    expect(w, ana, "e-mail jürgen@example", NULL, NULL, "Sieben Äpfel, e-mail an jürgen@example.org|");
    expect(w, ana, "um si", NULL, NULL, "Frau Müller kommt um sieben|"); /* the last is a beginning … */
    expect(w, ana, "si um", NULL, NULL, "");                             /* … and the others are not */
    expect(w, ana, "sieben acht", NULL, NULL, "");
}

static void the_newest_are_kept_by_a_limit_and_told_last(void **state)
{
    struct world *w = *state;
    struct found f;
    size_t ana = alone(w);
    const struct search_args two = {.words = "ball", .limit = 2};
    for (int i = 1; i <= 4; i++) {
        char text[32];
        snprintf(text, sizeof(text), "ball %d", i);
        say(w, ana, text);
        world_run(w, i % 2 != 0 ? 10 : 90000); /* in one minute, and in another */
    }
    assert_ok(ask(w, ana, &two, &f));
    assert_string_equal(f.texts, "ball 3|ball 4|");
}

static void texts_are_found_by_conversation_and_by_who_said_them(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "football at the lake", s.maya);
    story_say(w, s.maya, "Leo", "football tomorrow", s.leo);
    story_say(w, s.ana, "Berg", "football boots are dirty", s.maya);
    expect(w, s.maya, "foot", NULL, NULL, "football at the lake|football tomorrow|football boots are dirty|");
    expect(w, s.maya, "foot", "Leo", NULL, "football at the lake|football tomorrow|");
    expect(w, s.maya, "foot", "Berg", NULL, "football boots are dirty|");
    expect(w, s.maya, "foot", NULL, "Leo", "football at the lake|");
    expect(w, s.maya, "foot", NULL, "Maya", "football tomorrow|");
    expect(w, s.maya, "foot", "Leo", "Ana", "");
    struct found f;
    const struct search_args nobody = {.words = "foot", .from = "Nobody"};
    assert_status(ask(w, s.maya, &nobody, &f), ST_NAME_UNKNOWN);
    expect(w, s.ana, "foot", NULL, NULL,
           "football boots are dirty|"); /* a parent finds no more than is there */
}

/* ---- bad input ---- */

static void what_a_person_types_is_words_and_never_syntax(void **state)
{
    struct world *w = *state;
    struct found f;
    size_t ana = alone(w);
    char long_one[QUERY_MAX + 1];
    static const char *const queries[] = {
        "\"",
        "\"\"",
        "\"\"\"",
        "ball\"",
        "\"ball",
        "ball\" OR \"bread",
        "ball OR bread",
        "ball NOT tea",
        "NEAR(ball bread)",
        "NEAR(",
        "ball*",
        "*",
        "^ball",
        "-ball",
        "+",
        "text : ball",
        "place : ball",
        "{text place} : ball",
        "- text : ball",
        "(ball",
        "ball)",
        ")",
        "'",
        "ball'; DROP TABLE entry; --",
        "\\",
        "%",
        "ball \\\" x",
        "search",
        "rank",
        "\xc2\xa0",
        "\xe2\x80\xa8",
        "\xf0\x9f\x98\x80",
        "\n\t ",
        "AND",
        "ball AND",
        ":",
        "ball :",
    };
    say(w, ana, "a ball and bread");
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        const struct search_args args = {.words = queries[i]};
        assert_ok(ask(w, ana, &args, &f));
    }
    expect(w, ana, "ball OR bread", NULL, NULL, "");
    expect(w, ana, "text : ball", NULL, NULL, "");
    expect(w, ana, "ball and", NULL, NULL, "a ball and bread|");
    expect(w, ana, "\"ball\" !!! (bread", NULL, NULL, "a ball and bread|");
    expect(w, ana, "ball \xf0\x9f\x98\x80 bread", NULL, NULL, "a ball and bread|");
    expect(w, ana, "ball \xc2\xa0", "Berg", "Ana", "a ball and bread|");
    expect(w, ana, "\xf0\x9f\x98\x80", NULL, NULL, "");
    expect(w, ana, "b", NULL, NULL, ""); /* one letter is no beginning … */
    expect(w, ana, "bread a", NULL, NULL, "a ball and bread|");
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        const struct search_args args = {.words = long_one};
        size_t len = strlen(queries[i]);
        for (size_t at = 0; at < QUERY_MAX; at++)
            long_one[at] = queries[i][at % (len + 1)] != '\0' ? queries[i][at % (len + 1)] : ' ';
        long_one[QUERY_MAX] = '\0';
        assert_ok(ask(w, ana, &args, &f));
    }
    memset(long_one, 'a', QUERY_MAX);
    expect(w, ana, long_one, NULL, NULL, "");
}

static void nothing_is_found_by_what_the_index_holds_besides_words(void **state)
{
    struct world *w = *state;
    size_t ana = alone(w);
    char id[2 * ID_LEN + 2] = "a";
    say(w, ana, "hello");
    hex_encode(id + 1, SPAN_ID(&world_node(w, ana)->self.device));
    assert_int_equal(count(w, ana, id), 0);
    assert_int_equal(count(w, ana, "a"), 0);
    assert_int_equal(count(w, ana, "s"), 0);
}

/* ---- what is not shown ---- */

static enum status hide(struct node *n, void *applied)
{
    return sql_run(&n->sql, "UPDATE entry SET applied = ? WHERE kind = 1 AND own = 0", "i",
                   (int64_t) * (int *)applied);
}

static void T22_what_is_withheld_or_void_is_not_found_until_it_is_shown(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_off(w, s.maya);
    world_ok(w, s.leo, CMD_SEND, "Maya", "after the end", NULL, NULL);
    world_run(w, 60000);
    world_on(w, s.maya);
    world_sql(w, s.maya, "UPDATE permit SET enough = 0"); /* the permit has not come yet: withheld */
    world_restart(w, s.maya);
    world_run(w, 10 * 60000);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM entry WHERE kind = 1 AND applied = 3"), 1);
    assert_int_equal(count(w, s.maya, "after"), 0);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM entry WHERE found != 0"), 0);
    world_sql(w, s.maya, "UPDATE permit SET enough = 1");
    world_restart(w, s.maya);
    world_run(w, 60000);
    assert_int_equal(count(w, s.maya, "after"), 1);
}

static void what_stops_being_shown_is_taken_out(void **state)
{
    struct world *w = *state;
    struct story s;
    int gone = 2;
    story_children_meet(w, &s);
    story_say(w, s.leo, "Maya", "a strange word", s.maya);
    assert_int_equal(count(w, s.maya, "strange"), 1);
    assert_ok(world_forge(w, s.maya, hide, &gone));
    assert_int_equal(count(w, s.maya, "strange"), 0);
    assert_int_equal(
        world_number(w, s.maya, "SELECT count(*) FROM entry WHERE found != 0 AND own = 0 AND kind = 1"), 0);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM search WHERE search MATCH 'strange'"), 0);
}

/* ---- erasing ---- */

static size_t on_disk(struct world *w, size_t device, const char *what)
{
    return world_disk_find(world_disk_of(w, device), what, strlen(what));
}

/* The entry as its header alone. */
static enum status drop_body(struct node *n, int64_t id)
{
    struct journal_entry e;
    struct buffer bytes, bare;
    struct writer w;
    bool found;
    buffer_init(&bytes, GROUP_MESSAGE_MAX);
    buffer_init(&bare, GROUP_MESSAGE_MAX);
    assert_ok(sql_bytes(&n->sql, &bytes, &found, "SELECT entry FROM entry WHERE id = ?", "i", id));
    assert_true(found);
    assert_ok(journal_entry_decode(&e, buffer_span(&bytes)));
    e.has_body = false;
    writer_init(&w, &bare);
    assert_ok(journal_entry_encode(&w, &e));
    enum status st = sql_run(&n->sql, "UPDATE entry SET entry = ?, has_body = 0 WHERE id = ?", "bi",
                             buffer_span(&bare), id);
    buffer_wipe(&bytes);
    buffer_wipe(&bare);
    return st;
}

struct forgetting {
    const char *word;
    bool tell; /* search_forget is called, as it should be */
};

/* What a deletion does to every text with this word. */
static enum status forget(struct node *n, void *arg)
{
    const struct forgetting *f = arg;
    int64_t ids[NODE_ROWS_MAX];
    size_t known = 0;
    struct query q;
    query_start(&q, &n->sql, "SELECT id FROM entry WHERE kind = 1 AND instr(entry, CAST(? AS BLOB)) > 0", "t",
                f->word);
    while (known < NODE_ROWS_MAX && query_next(&q))
        ids[known++] = query_int(&q, 0);
    assert_ok(query_end(&q));
    assert_true(known > 0);
    for (size_t i = 0; i < known; i++) {
        if (f->tell)
            assert_ok(search_forget(n, ids[i]));
        assert_ok(drop_body(n, ids[i]));
    }
    return ST_OK;
}

static void forget_word(struct world *w, size_t device, const char *word, bool tell)
{
    struct forgetting f = {word, tell};
    assert_ok(world_forge(w, device, forget, &f));
}

static void a_forgotten_text_leaves_no_word_on_the_disk(void **state)
{
    struct world *w = *state;
    size_t ana = alone(w);
    say(w, ana, "bread and milk");
    say(w, ana, "the xylophonquarz is under the bed");
    world_run(w, 1000);
    assert_int_equal(count(w, ana, "xylo"), 1);
    assert_true(on_disk(w, ana, "xylophonquarz") >=
                2); /* its entry and the index: so this test sees the index */
    forget_word(w, ana, "xylophonquarz", true);
    assert_int_equal(count(w, ana, "xylophonquarz"), 0);
    assert_int_equal(count(w, ana, "bed"), 0);
    world_run(w, ERASED_MS);
    assert_int_equal(on_disk(w, ana, "xylophonquarz"), 0);
    assert_int_equal(count(w, ana, "milk"), 1);
}

static void the_only_text_leaves_no_word_either(void **state)
{
    struct world *w = *state;
    size_t ana = alone(w);
    say(w, ana, "xylophonquarz");
    forget_word(w, ana, "xylophonquarz", true);
    world_off(w, ana); /* and what was not erased when the device went off is erased when it is back */
    world_run(w, ERASED_MS);
    world_on(w, ana);
    world_run(w, ERASED_MS);
    assert_int_equal(on_disk(w, ana, "xylophonquarz"), 0);
}

static void a_changed_text_is_found_by_what_it_says_now(void **state)
{
    struct world *w = *state;
    char id[80];
    size_t ana = alone(w);
    snprintf(id, sizeof(id), "%s",
             world_ok(w, ana, CMD_SEND, "Berg", "the xylophonquarz at four", NULL, NULL)->id);
    expect(w, ana, "xylophonquarz", NULL, NULL, "the xylophonquarz at four|");
    world_ok(w, ana, CMD_EDIT, id, "the fagottgranit at five", NULL, NULL);
    expect(w, ana, "xylophonquarz", NULL, NULL, "");
    expect(w, ana, "four", NULL, NULL, "");
    expect(w, ana, "fagottgranit", NULL, NULL, "the fagottgranit at five|");
    world_ok(w, ana, CMD_EDIT, id, "the oboenbasalt at six", NULL, NULL);
    expect(w, ana, "fagottgranit", NULL, NULL, "");
    expect(w, ana, "oboenbasalt", NULL, NULL, "the oboenbasalt at six|");
    world_ok(w, ana, CMD_DELETE, id, NULL, NULL, NULL);
    world_run(w, ERASED_MS);
    expect(w, ana, "oboenbasalt", NULL, NULL, "");
    world_sql(w, ana, "INSERT INTO search(search, rank) VALUES('integrity-check', 0)");
    assert_int_equal(on_disk(w, ana, "xylophonquarz"), 0);
    assert_int_equal(on_disk(w, ana, "fagottgranit"), 0);
    assert_int_equal(on_disk(w, ana, "oboenbasalt"), 0);
}

static void a_body_that_went_without_notice_leaves_no_word(void **state)
{
    struct world *w = *state;
    size_t ana = alone(w);
    say(w, ana, "bread and milk");
    say(w, ana, "the xylophonquarz is under the bed");
    forget_word(w, ana, "xylophonquarz", false);
    world_run(w, ERASED_MS);
    assert_int_equal(on_disk(w, ana, "xylophonquarz"), 0);
    assert_int_equal(count(w, ana, "bed"), 0);
    assert_int_equal(count(w, ana, "milk"), 1);
}

static void a_text_that_its_writer_takes_back_leaves_no_word(void **state)
{
    struct world *w = *state;
    size_t ana = alone(w);
    say(w, ana, "bread and milk");
    say(w, ana, "the xylophonquarz is under the bed");
    world_sql(w, ana, "UPDATE entry SET held = 1 WHERE instr(entry, CAST('xylophonquarz' AS BLOB)) > 0");
    assert_int_equal(count(w, ana, "xylophonquarz"), 1); /* it is shown, as waiting */
    world_ok(w, ana, CMD_WAITING_DROP, NULL, NULL, NULL, NULL);
    assert_true(world_number(w, ana, "SELECT value FROM meta WHERE key = 'search_erase_at'") >
                0); /* by itself */
    assert_int_equal(count(w, ana, "xylophonquarz"), 0);
    world_run(w, ERASED_MS);
    assert_int_equal(on_disk(w, ana, "xylophonquarz"), 0);
}

static void spell(char out[static 32], int i)
{
    /* Words that share no beginning with a neighbour: the index keeps of a word only what differs. */
    snprintf(out, 32, "%c%cvorletzter%dq", 'b' + i % 23, 'c' + i / 23 % 23, i);
}

static void of_many_texts_the_forgotten_leave_nothing_and_the_others_are_found(void **state)
{
    enum { TEXTS = 400 };
    struct world *w = *state;
    size_t ana = alone(w);
    char word[32], text[96];
    struct test_entropy e;
    bool gone[TEXTS] = {false};
    test_entropy_init(&e, test_seed(11));
    for (int i = 0; i < TEXTS; i++) {
        spell(word, i);
        snprintf(text, sizeof(text), "bread %s milk", word);
        say(w, ana, text);
        if (i > 50 && i % 7 == 0) {
            int k = (int)test_entropy_below(&e, (uint64_t)i);
            spell(word, k);
            if (!gone[k])
                forget_word(w, ana, word, true);
            gone[k] = true;
            world_run(w, (int64_t)test_entropy_below(&e, 3000));
        }
    }
    world_run(w, ERASED_MS);
    for (int i = 0; i < TEXTS; i++) {
        spell(word, i);
        assert_int_equal(count(w, ana, word), gone[i] ? 0 : 1);
        if (gone[i])
            assert_int_equal(on_disk(w, ana, word + 2), 0); /* also when the first letters are not repeated */
    }
}

/* ---- a database of the version before ---- */

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* Copies every table of the old version from the database `now`, column by column. */
static void copy_tables(sqlite3 *db)
{
    sqlite3_stmt *q;
    assert_int_equal(
        sqlite3_prepare_v2(
            db,
            "SELECT 'INSERT INTO main.' || t.name || '(' || group_concat(c.name) || ') SELECT ' ||"
            " group_concat(c.name) || ' FROM now.' || t.name FROM main.sqlite_schema t"
            " JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'"
            " GROUP BY t.name",
            -1, &q, NULL),
        SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW)
        run(db, (const char *)sqlite3_column_text(q, 0));
    assert_int_equal(sqlite3_finalize(q), SQLITE_OK);
}

/* Makes the home's database one of an older version, with what is in it. The device is off. */
static void make_older(struct world *w, size_t device, int version)
{
    char path[WORLD_DISK_PATH_MAX], sql[128];
    struct sql s;
    struct world_disk *disk = world_disk_of(w, device), *now = world_disk_new(), *empty = world_disk_new();
    world_disk_copy(now, disk);
    world_disk_copy(disk, empty);
    world_disk_path(now, path);
    sqlite3 *db;
    assert_ok(world_disk_open(disk, &db));
    sql_init(&s, db);
    assert_ok(schema_make(&s, version));
    snprintf(sql, sizeof(sql), "PRAGMA foreign_keys = OFF; ATTACH '%s' AS now", path);
    run(db, sql);
    copy_tables(db);
    sql_close(&s);
    world_disk_free(now);
    world_disk_free(empty);
}

static void a_database_of_the_version_before_is_read_in(void **state)
{
    struct world *w = *state;
    size_t ana = alone(w);
    for (int i = 0; i < 3 * SEARCH_BATCH / 2; i++)
        say(w, ana, "older than the index");
    say(w, ana, "bread");
    world_off(w, ana);
    make_older(w, ana, SCHEMA_BEFORE_SEARCH);
    world_on(w, ana);
    assert_int_equal(world_number(w, ana, "PRAGMA user_version"), SCHEMA_VERSION);
    world_run(w, 1000);
    assert_int_equal(count(w, ana, "older index"), 3 * SEARCH_BATCH / 2);
    expect(w, ana, "bread", "Berg", "Ana", "bread|");
    assert_int_equal(world_number(w, ana, "SELECT count(*) FROM entry WHERE kind = 1 AND found <= 0"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(texts_are_found_by_their_words_whatever_the_order_case_and_diacritics),
        WORLD_TEST(the_newest_are_kept_by_a_limit_and_told_last),
        WORLD_TEST(texts_are_found_by_conversation_and_by_who_said_them),
        WORLD_TEST(what_a_person_types_is_words_and_never_syntax),
        WORLD_TEST(nothing_is_found_by_what_the_index_holds_besides_words),
        WORLD_TEST(T22_what_is_withheld_or_void_is_not_found_until_it_is_shown),
        WORLD_TEST(what_stops_being_shown_is_taken_out),
        WORLD_TEST(a_forgotten_text_leaves_no_word_on_the_disk),
        WORLD_TEST(the_only_text_leaves_no_word_either),
        WORLD_TEST(a_text_that_its_writer_takes_back_leaves_no_word),
        WORLD_TEST(a_changed_text_is_found_by_what_it_says_now),
        WORLD_TEST(a_body_that_went_without_notice_leaves_no_word),
        WORLD_TEST(of_many_texts_the_forgotten_leave_nothing_and_the_others_are_found),
        WORLD_TEST(a_database_of_the_version_before_is_read_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
