/* SPDX-License-Identifier: Apache-2.0 */
/* A contact who was approved, and whose program asks nobody: it brings others into the conversation (T12). */
#include "protocol/evidence.h"
#include "sync/family.h"
#include "sync/journal.h"
#include "sync/scope_internal.h"
#include "tests/world/world_test.h"

struct scene {
    struct world *w;
    struct story s;
    struct buffer package; /* of whom the contact brings in */
};

static int setup(void **state)
{
    struct scene *x = mem_alloc(1, sizeof(*x));
    x->w = world_new(test_seed(1));
    buffer_init(&x->package, WIRE_KEY_PACKAGE_MAX + 16);
    story_children_meet(x->w, &x->s);
    story_say(x->w, x->s.leo, "Maya", "hello", x->s.maya);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct scene *x = *state;
    buffer_wipe(&x->package);
    world_free(x->w);
    mem_free(x, sizeof(*x));
    return 0;
}

/* ---- what the contact does ---- */

static enum status make_package(struct node *n, void *arg)
{
    struct buffer bare;
    buffer_init(&bare, WIRE_KEY_PACKAGE_MAX);
    enum status st = key_package_make(n, &n->self.device, false, &bare);
    if (st == ST_OK)
        st = key_package_message(buffer_span(&bare), arg);
    buffer_wipe(&bare);
    return st;
}

/* As group_commit does, less the judgement: this program goes on in an epoch of its own making. */
static enum status append(struct node *n, struct group *g, struct mls_staged *staged, struct span message)
{
    enum status st = group_save_pending(n, g, staged);
    if (st == ST_OK)
        st = logs_append(n, g->log, &message, 1, OUTBOX_PLAIN, g->id, NULL);
    g->pending = true;
    return st == ST_OK
               ? sql_run(
                     &n->sql,
                     "UPDATE mls_group SET pending = 1, pending_epoch = epoch, pending_at = ? WHERE id = ?",
                     "ii", n->now.wall_ms, g->id)
               : st;
}

static enum status bring_in(struct node *n, void *arg)
{
    const struct commit_data nothing = {.count = 0};
    struct buffer data, message, welcome;
    struct mls_staged *staged = NULL;
    struct group *g = inside_group(n, SCOPE_CONVERSATION);
    struct span package = buffer_span(arg);
    struct writer w;
    buffer_init(&data, 64);
    buffer_init(&message, BLOCK_MESSAGE_MAX);
    buffer_init(&welcome, ADMISSION_WELCOME_MAX);
    writer_init(&w, &data);
    enum status st = commit_data_encode(&w, &nothing);
    struct mls_commit_args args = {.key = &n->self.key,
                                   .adds = &package,
                                   .add_count = 1,
                                   .now_ms = n->now.wall_ms,
                                   .force_path = true,
                                   .authenticated_data = buffer_span(&data)};
    if (st == ST_OK)
        st = mls_group_commit(g->mls, &args, &n->entropy, &staged, &message, &welcome);
    if (st == ST_OK)
        st = group_save(n, g);
    if (st == ST_OK)
        st = append(n, g, staged, buffer_span(&message));
    mls_staged_free(staged);
    buffer_wipe(&data);
    buffer_wipe(&message);
    buffer_wipe(&welcome);
    return st;
}

/* Its own rules would not let it speak before whom it brought in. */
static enum status speak(struct node *n, void *arg)
{
    const struct entry_body body = {.kind = ENTRY_TEXT, .u.text.text = span_text("now we are three")};
    const struct scope_id scope = inside_group(n, SCOPE_CONVERSATION)->scope;
    (void)arg;
    return journal_append(n, SCOPE_CONVERSATION, &scope, &body, NULL);
}

/* ---- what comes of it ---- */

static const char *const EPOCH = "SELECT epoch FROM mls_group WHERE kind = 5 AND state = 1";

/* The contact's program is in the next epoch, with whom it brought in; Maya's tablet is where it was. */
static void assert_alone(struct scene *x, const struct device_id *brought)
{
    struct world *w = x->w;
    int64_t maya = world_number(w, x->s.maya, EPOCH), leo = world_number(w, x->s.leo, EPOCH);
    static const char *const skips = "SELECT value FROM meta WHERE key = 'blocks_skipped'";
    int64_t skipped = world_number(w, x->s.maya, skips);
    assert_ok(world_forge(w, x->s.leo, bring_in, &x->package));
    world_run(w, 10 * MINUTE_MS);
    assert_true(world_number(w, x->s.leo, EPOCH) > leo);
    assert_int_equal(world_number(w, x->s.maya, EPOCH), maya);
    assert_true(world_number(w, x->s.maya, skips) > skipped);
    struct group *g = inside_group(world_node(w, x->s.maya), SCOPE_CONVERSATION);
    assert_false(group_has_device(g, brought, NULL));
    world_ok(w, x->s.maya, CMD_SEND, "Leo", "still us two?", NULL, NULL); /* sealed for the old epoch */
    assert_ok(world_forge(w, x->s.leo, speak, NULL));
    world_run(w, 10 * MINUTE_MS);
    assert_false(world_has_text(w, x->s.maya, "now we are three", NULL));
}

static void T12_a_contact_that_adds_a_third_person_is_left_alone(void **state)
{
    struct scene *x = *state;
    size_t sam = world_add(x->w, "Sam's phone");
    story_found(x->w, sam, "Stranger", "Sam");
    assert_ok(world_forge(x->w, sam, make_package, &x->package));
    const struct device_id device = world_node(x->w, sam)->self.device;
    assert_alone(x, &device);
    assert_false(world_has_text(x->w, sam, "still us two?", NULL));
}

static void T12_a_contact_that_adds_a_removed_device_again_is_left_alone(void **state)
{
    struct scene *x = *state;
    struct world *w = x->w;
    size_t laptop = story_add(w, x->s.ana, "Maya's laptop", "Maya", "child", x->s.maya);
    story_say(w, x->s.leo, "Maya", "both of you", laptop);
    assert_ok(world_forge(w, laptop, make_package, &x->package));
    const struct device_id device = world_node(w, laptop)->self.device;
    world_ok(w, x->s.ana, CMD_DEVICES_REMOVE, "Maya's laptop", NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    assert_alone(x, &device);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(T12_a_contact_that_adds_a_third_person_is_left_alone),
        TEST(T12_a_contact_that_adds_a_removed_device_again_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
