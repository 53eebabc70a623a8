/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 9420 appendix C, against a tree that is built by halving ranges of nodes instead of by bits. */
#include "protocol/mls/tree_math.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LEAVES = 1 << 17, NODES = 2 * LEAVES - 1 };

static uint32_t left_of[NODES], right_of[NODES], parent_of[NODES], first_of[NODES], last_of[NODES],
    level_of[NODES];

/* The root of a range of nodes is its middle; the ranges to both sides are its children. */
static void build(void)
{
    struct range {
        uint32_t first, last;
    } stack[64];
    int depth = 0;
    stack[depth++] = (struct range){0, NODES - 1};
    while (depth > 0) {
        struct range r = stack[--depth];
        uint32_t node = (r.first + r.last) / 2;
        first_of[node] = r.first;
        last_of[node] = r.last;
        for (uint32_t span = r.last - r.first; span > 0; span = (span - 2) / 2)
            level_of[node]++;
        if (r.first == r.last)
            continue;
        struct range l = {r.first, node - 1}, h = {node + 1, r.last};
        left_of[node] = (l.first + l.last) / 2;
        right_of[node] = (h.first + h.last) / 2;
        parent_of[left_of[node]] = parent_of[right_of[node]] = node;
        stack[depth++] = l;
        stack[depth++] = h;
    }
}

static void tree_math_knows_every_neighbour_in_a_tree_of_131072_leaves(void **state)
{
    (void)state;
    uint32_t root = tree_root(LEAVES), wrong = 0;
    assert_int_equal(tree_node_count(LEAVES), NODES);
    for (uint32_t x = 0; x < NODES; x++) {
        wrong += tree_level(x) != level_of[x];
        wrong += tree_leaf_to_node(tree_first_leaf(x)) != first_of[x];
        wrong += tree_leaf_to_node(tree_last_leaf(x)) != last_of[x];
        wrong += tree_is_leaf(x) != (level_of[x] == 0);
        if (x != root) {
            uint32_t parent = parent_of[x];
            bool right = right_of[parent] == x;
            wrong += tree_parent(x) != parent;
            wrong += tree_is_right(x) != right;
            wrong += tree_sibling(x) != (right ? left_of[parent] : right_of[parent]);
        }
        if (level_of[x] > 0) {
            wrong += tree_left(x) != left_of[x];
            wrong += tree_right(x) != right_of[x];
        }
    }
    assert_int_equal(wrong, 0);
}

static void tree_math_finds_the_ancestor_at_each_level(void **state)
{
    (void)state;
    for (uint32_t x = 0; x < NODES; x += 37) {
        uint32_t up = x;
        for (uint32_t level = level_of[x]; level <= level_of[tree_root(LEAVES)]; level++) {
            assert_int_equal(tree_ancestor(x, level), up);
            up = parent_of[up];
        }
    }
}

static void tree_math_covers_exactly_the_subtree(void **state)
{
    (void)state;
    for (uint32_t top = 0; top < 63; top++)
        for (uint32_t x = 0; x < 63; x++)
            assert_int_equal(tree_covers(top, x), x >= first_of[top] && x <= last_of[top]);
}

static void tree_math_meets_two_leaves_at_their_lowest_common_node(void **state)
{
    (void)state;
    for (uint32_t a = 0; a < 64; a++)
        for (uint32_t b = 0; b < 64; b++) {
            if (a == b)
                continue;
            uint32_t up = 2 * a;
            while (!(2 * b >= first_of[up] && 2 * b <= last_of[up]))
                up = parent_of[up];
            assert_int_equal(tree_common_ancestor(a, b), up);
        }
}

static void tree_math_rounds_leaf_counts_up_to_powers_of_two(void **state)
{
    (void)state;
    static const uint32_t table[][2] = {{0, 1}, {1, 1}, {2, 2}, {3, 4}, {5, 8}, {64, 64}, {65, 128}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_int_equal(tree_full_leaf_count(table[i][0]), table[i][1]);
    assert_int_equal(tree_root(1), 0);
    assert_int_equal(tree_node_count(1), 1);
}

int main(void)
{
    build();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree_math_knows_every_neighbour_in_a_tree_of_131072_leaves),
        cmocka_unit_test(tree_math_finds_the_ancestor_at_each_level),
        cmocka_unit_test(tree_math_covers_exactly_the_subtree),
        cmocka_unit_test(tree_math_meets_two_leaves_at_their_lowest_common_node),
        cmocka_unit_test(tree_math_rounds_leaf_counts_up_to_powers_of_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
