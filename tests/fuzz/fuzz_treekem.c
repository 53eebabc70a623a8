/* SPDX-License-Identifier: Apache-2.0 */
/* Update paths from a hostile committer: merged into a good tree, and opened by a member even when the public
 * half refuses them. The tree and the corpus come from one seed. */
#include "protocol/mem.h"
#include "tests/support/test_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { SEED = 1, MEMBERS = 6, SENDER = 2 };

static struct test_tree w;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    test_tree_start(&w, SEED, MEMBERS);
    test_tree_commit(&w, 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct update_path path;
    struct ratchet_tree after;
    struct treekem_keys keys = w.member[5].keys;
    struct secret commit;
    if (update_path_decode(&path, SPAN_OF(data, size)) != ST_OK)
        return 0;
    const struct treekem_take_args a = {.sender = SENDER, .path = &path};
    static const uint8_t context[] = {1};
    enum status st = ratchet_tree_copy(&after, &w.tree);
    invariant(st == ST_OK);
    st = treekem_merge(&after, &w.context, &a);
    st = treekem_open(&w.tree, &keys, &a, SPAN(context), &commit);
    invariant(st != ST_OK); /* nothing was sealed for this context */
    ratchet_tree_wipe(&after);
    return 0;
}
