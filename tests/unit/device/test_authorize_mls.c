/* SPDX-License-Identifier: Apache-2.0 */
/* authorize over a real MLS group: what the engine says of a commit is what authorize reads. */
#include "tests/support/test_entropy.h"
#include "tests/unit/device/family_fixture.h"

static const int64_t NOW = 1700000000000;

struct world {
    struct family f;
    struct test_entropy random;
    struct mls_group *group;
    struct kith_context context;
    struct buffer context_bytes, arena[8];
    size_t arena_count;
};

static struct buffer *fresh(struct world *w)
{
    assert_true(w->arena_count < 8);
    buffer_init(&w->arena[w->arena_count], 1 << 20);
    return &w->arena[w->arena_count++];
}

static struct span identity(struct world *w, unsigned who, const struct sample_key *device)
{
    struct device_certificate c = certificate_of(&w->f, who, device);
    struct buffer *b = fresh(w);
    struct writer wr;
    writer_init(&wr, b);
    assert_ok(device_certificate_encode(&wr, &c));
    return buffer_span(b);
}

static const uint16_t extension[] = {KITH_CONTEXT_EXTENSION};

/* Ana's group of one in scope family. */
static void world_init(struct world *w)
{
    const struct family *const one[] = {&w->f};
    struct writer wr;
    memset(w, 0, sizeof *w);
    family_of_four(&w->f, 10);
    test_entropy_init(&w->random, 5);
    w->context = (struct kith_context){.kind = SCOPE_FAMILY, .relay_count = 1};
    w->context.relays[0] = span_text("kith-relay://somewhere");
    assert_ok(scope_id_of_family(SCOPE_FAMILY, &w->f.at.family, &w->context.scope));
    set_heads(&w->context, one, 1);
    buffer_init(&w->context_bytes, KITH_CONTEXT_MAX);
    writer_init(&wr, &w->context_bytes);
    assert_ok(kith_context_encode(&wr, &w->context));
    struct mls_extension e = {KITH_CONTEXT_EXTENSION, buffer_span(&w->context_bytes)};
    struct mls_create_args a = {.group_id = span_text("a group"),
                                .extensions = {&e, 1},
                                .self = {identity(w, ANA, &w->f.ana), &w->f.ana.key, extension, 1},
                                .not_before_ms = NOW - 1000,
                                .not_after_ms = NOW + 1000000};
    assert_ok(mls_group_create(&w->group, &a, &w->random.entropy));
}

static void world_wipe(struct world *w)
{
    mls_group_free(w->group);
    buffer_wipe(&w->context_bytes);
    for (size_t i = 0; i < w->arena_count; i++)
        buffer_wipe(&w->arena[i]);
    family_wipe(&w->f);
}

static struct span key_package(struct world *w, unsigned who, const struct sample_key *device, struct span as)
{
    struct buffer *message = fresh(w), record;
    uint8_t ref[HASH_LEN];
    struct mls_key_package_args a = {
        .self = {as.len ? as : identity(w, who, device), &device->key, extension, 1},
        .not_before_ms = NOW - 1000,
        .not_after_ms = NOW + 1000000};
    buffer_init(&record, 1 << 16);
    assert_ok(mls_key_package_new(&a, &w->random.entropy, ref, message, &record));
    buffer_wipe(&record);
    return buffer_span(message);
}

static size_t leaves_of(const struct mls_group *g, struct authorize_leaf *out)
{
    struct mls_member m;
    size_t count = 0;
    for (uint32_t leaf = 0; mls_group_next_member(g, &leaf, &m);)
        out[count++] = (struct authorize_leaf){m.leaf, m.identity, m.leaf_node};
    return count;
}

/* Commits these changes as Ana and has the staged epoch judged; merges it when it may be. */
static enum status commit_and_judge(struct world *w, const struct mls_commit_args *args,
                                    const struct span *evidence, size_t evidence_count)
{
    struct authorize_leaf leaves[WIRE_LEAVES_MAX];
    struct mls_staged *staged;
    struct buffer message, welcome;
    struct chains *at = chains_new(), *after = chains_new();
    assert_non_null(at);
    assert_non_null(after);
    buffer_init(&message, 1 << 20);
    buffer_init(&welcome, 1 << 20);
    at->families[at->family_count++] = w->f.at;
    at->has_roster = true;
    at->roster = w->f.roster;
    assert_ok(mls_group_commit(w->group, args, &w->random.entropy, &staged, &message, &welcome));
    struct authorize_args a = {.before = &w->context,
                               .after = &w->context,
                               .at = at,
                               .leaves = leaves,
                               .leaf_count = leaves_of(w->group, leaves),
                               .committer = mls_staged_committer(staged),
                               .authenticated_data = mls_staged_authenticated_data(staged),
                               .evidence = evidence,
                               .evidence_count = evidence_count};
    a.change_count = mls_staged_changes(staged, &a.changes);
    enum status st = authorize_commit(&a, after);
    if (st == ST_OK)
        mls_group_merge(w->group, staged);
    else
        mls_staged_free(staged);
    buffer_wipe(&message);
    buffer_wipe(&welcome);
    chains_free(at);
    chains_free(after);
    return st;
}

static void a_listed_device_is_added_and_an_unlisted_is_not(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct span ghost = key_package(&w, MAYA, &w.f.eve, SPAN_EMPTY),
                maya = key_package(&w, MAYA, &w.f.maya, SPAN_EMPTY);
    struct mls_commit_args a = {.key = &w.f.ana.key, .adds = &ghost, .add_count = 1};
    assert_status(commit_and_judge(&w, &a, NULL, 0), ST_AUTHORIZE_ADD);
    a.adds = &maya;
    assert_ok(commit_and_judge(&w, &a, NULL, 0));
    assert_int_equal(mls_group_member_count(w.group), 2);
    a = (struct mls_commit_args){.key = &w.f.ana.key, .force_path = true};
    assert_ok(commit_and_judge(&w, &a, NULL, 0)); /* a refresh: its changed leaf keeps device and person */
    world_wipe(&w);
}

/* T12: MLS itself takes a leaf under any identity; authorize compares it with the leaf's key. */
static void T12_a_copied_certificate_comes_through_mls_but_not_through_authorize(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct span copied = identity(&w, MAYA, &w.f.maya);
    struct span thief = key_package(&w, MAYA, &w.f.eve, copied);
    struct mls_commit_args a = {.key = &w.f.ana.key, .adds = &thief, .add_count = 1};
    assert_status(commit_and_judge(&w, &a, NULL, 0), ST_AUTHORIZE_LEAF);
    world_wipe(&w);
}

static void a_request_to_be_readded_names_the_engines_leaf_and_key_package(void **state)
{
    (void)state;
    struct world w;
    struct authorize_leaf leaves[WIRE_LEAVES_MAX];
    world_init(&w);
    struct span first = key_package(&w, MAYA, &w.f.maya, SPAN_EMPTY),
                again = key_package(&w, MAYA, &w.f.maya, SPAN_EMPTY);
    struct mls_commit_args a = {.key = &w.f.ana.key, .adds = &first, .add_count = 1};
    assert_ok(commit_and_judge(&w, &a, NULL, 0));

    assert_int_equal(leaves_of(w.group, leaves), 2);
    struct readd_request q = {.scope = w.context.scope, .device = w.f.maya.device};
    hash_bytes(leaves[1].leaf_node, q.old_leaf_hash);
    assert_ok(authorize_key_package_hash(again, q.key_package_hash));
    assert_ok(readd_request_sign(&q, &w.f.maya.key));
    struct buffer *body = fresh(&w), *record = fresh(&w), *data = fresh(&w);
    struct writer wr;
    writer_init(&wr, body);
    assert_ok(readd_request_encode(&wr, &q));
    struct evidence_record e = {.kind = EVIDENCE_READD, .body = buffer_span(body)};
    writer_init(&wr, record);
    assert_ok(evidence_record_encode(&wr, &e));
    struct entry_hash hash;
    assert_ok(evidence_record_hash(buffer_span(record), &hash));
    struct commit_data d = {1, SPAN_ID(&hash)};
    writer_init(&wr, data);
    assert_ok(commit_data_encode(&wr, &d));

    struct span evidence = buffer_span(record);
    a = (struct mls_commit_args){
        .key = &w.f.ana.key, .adds = &again, .add_count = 1, .removes = &leaves[1].leaf, .remove_count = 1};
    assert_status(commit_and_judge(&w, &a, NULL, 0), ST_AUTHORIZE_REMOVE);
    a.authenticated_data = buffer_span(data);
    assert_ok(commit_and_judge(&w, &a, &evidence, 1));
    world_wipe(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listed_device_is_added_and_an_unlisted_is_not),
        cmocka_unit_test(T12_a_copied_certificate_comes_through_mls_but_not_through_authorize),
        cmocka_unit_test(a_request_to_be_readded_names_the_engines_leaf_and_key_package),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
