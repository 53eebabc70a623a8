/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/commit.h"

#include "protocol/mls/limits.h"
#include "tests/support/test.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_structures.h"

static struct buffer store, encoded;

static int wipe(void **state)
{
    (void)state;
    buffer_wipe(&store);
    buffer_wipe(&encoded);
    return 0;
}

static struct span encode(const struct commit *c)
{
    struct writer w;
    buffer_wipe(&encoded);
    buffer_init(&encoded, 1 << 20);
    writer_init(&w, &encoded);
    commit_write(&w, c);
    assert_ok(writer_done(&w));
    return buffer_span(&encoded);
}

static void decodes_and_encodes(void **state)
{
    (void)state;
    struct commit c = test_commit_value(&store), back;
    check_decoder(again_commit, NULL, encode(&c));
    assert_ok(commit_decode(&back, buffer_span(&encoded)));
    assert_int_equal(back.proposal_count, 3);
    assert_int_equal(back.path.node_count, 2);
    c.has_path = false;
    check_decoder(again_commit, NULL, encode(&c));
    c.proposals = SPAN_EMPTY;
    check_decoder(again_commit, NULL, encode(&c));
}

static void a_commit_has_at_most_so_many_proposals(void **state)
{
    (void)state;
    struct commit c = {0}, back;
    struct writer w;
    buffer_init(&store, 1 << 20);
    writer_init(&w, &store);
    for (size_t i = 0; i < MLS_PROPOSALS_MAX; i++)
        writer_bytes(&w, test_hex("01 0003 00000001"));
    c.proposals = buffer_span(&store);
    assert_ok(commit_decode(&back, encode(&c)));
    writer_bytes(&w, test_hex("01 0003 00000001"));
    c.proposals = buffer_span(&store);
    assert_status(commit_decode(&back, encode(&c)), ST_WIRE_LIMIT);
    test_hex_free();
}

static void a_path_has_at_most_so_many_nodes(void **state)
{
    (void)state;
    struct commit c = {.has_path = true}, back;
    struct writer w;
    c.path.leaf = test_leaf_node(LEAF_COMMIT);
    buffer_init(&store, 1 << 20);
    writer_init(&w, &store);
    for (size_t i = 0; i <= MLS_DEPTH_MAX; i++) {
        c.path.nodes = buffer_span(&store);
        assert_ok(commit_decode(&back, encode(&c)));
        writer_bytes(&w, test_hex("01 aa 00"));
    }
    c.path.nodes = buffer_span(&store);
    assert_status(commit_decode(&back, encode(&c)), ST_WIRE_LIMIT);
    test_hex_free();
}

static void an_update_path_decodes_and_encodes(void **state)
{
    (void)state;
    struct commit c = test_commit_value(&store);
    struct writer w;
    buffer_init(&encoded, 1 << 20);
    writer_init(&w, &encoded);
    update_path_write(&w, &c.path);
    assert_ok(writer_done(&w));
    check_decoder(again_update_path, NULL, buffer_span(&encoded));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(decodes_and_encodes, NULL, wipe),
        cmocka_unit_test_setup_teardown(a_commit_has_at_most_so_many_proposals, NULL, wipe),
        cmocka_unit_test_setup_teardown(a_path_has_at_most_so_many_nodes, NULL, wipe),
        cmocka_unit_test_setup_teardown(an_update_path_decodes_and_encodes, NULL, wipe),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
