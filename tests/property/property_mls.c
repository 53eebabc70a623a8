/* SPDX-License-Identifier: Apache-2.0 */
/* Random life of an MLS group of 2 to 20 members, without a network:
 *
 *     property_mls [--seed N] [--steps N]
 *
 * Each step is an epoch: additions, removals, updates, PSKs, changed extensions or nothing, by value or by
 * reference, perhaps with a concurrent commit that loses; devices save, are switched off and load in between;
 * damaged messages come first; application messages come in time or late. After each step all members must
 * agree and a stranger who joins must find their tree good. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/mem.h"
#include "tests/property/mls_world.h"

enum kind {
    STEP_ADD,
    STEP_REMOVE,
    STEP_UPDATE,
    STEP_PSK,
    STEP_EXTENSIONS,
    STEP_EMPTY,
    STEP_MIXED,
    STEP_KINDS
};
static const char *const kind_names[] = {"add", "remove", "update", "psk", "extensions", "empty", "mixed"};

static struct counts {
    uint64_t kind[STEP_KINDS], by_reference, races, without_path, members[WORLD_DEVICES];
} counts;

enum { PARTS_MAX = 5 };

/* What a commit is made of; `a` borrows the rest. */
struct plan {
    struct mls_commit_args a;
    size_t committer;
    struct span adds[PARTS_MAX], psk_ids[1];
    uint32_t removes[PARTS_MAX];
    uint8_t context[4];
    struct mls_extension extension;
    size_t removed_device[PARTS_MAX], added_device[PARTS_MAX];
    bool offered[WORLD_DEVICES]; /* by value or reference */
    size_t offers;
};

static const struct mls_extension *extension_of(struct world *w, struct plan *p)
{
    entropy_fill(&w->entropy.entropy, p->context, sizeof(p->context));
    p->extension = (struct mls_extension){0xf4b1, SPAN(p->context)};
    return &p->extension;
}

/* ---- by value ---- */

static void plan_add(struct world *w, struct plan *p, bool by_reference)
{
    size_t device = world_random_outsider(w, WORLD_DEVICES);
    if (device == WORLD_DEVICES || p->offered[device] ||
        world_member_count(w) + p->offers >= WORLD_MEMBERS_MAX)
        return;
    p->offered[device] = true;
    p->offers++;
    world_offer(w, device);
    if (by_reference) {
        struct mls_propose_args a = {.kind = MLS_PROPOSE_ADD,
                                     .key_package = buffer_span(&w->device[device].package)};
        world_propose(w, world_random_member(w, WORLD_DEVICES), &a);
        return;
    }
    p->added_device[p->a.add_count] = device;
    p->adds[p->a.add_count++] = buffer_span(&w->device[device].package);
}

static void plan_remove(struct world *w, struct plan *p, bool by_reference)
{
    size_t device = world_random_member(w, p->committer);
    for (size_t i = 0; i < p->a.remove_count; i++) {
        if (p->removed_device[i] == device)
            return;
    }
    if (world_member_count(w) < 3 + p->a.remove_count)
        return;
    uint32_t leaf = mls_group_own_leaf(w->device[device].group);
    if (by_reference) {
        struct mls_propose_args a = {.kind = MLS_PROPOSE_REMOVE, .leaf = leaf};
        world_propose(w, world_random_member(w, device), &a);
        return;
    }
    p->removed_device[p->a.remove_count] = device;
    p->removes[p->a.remove_count++] = leaf;
}

static void plan_update(struct world *w, struct plan *p, bool by_reference)
{
    if (by_reference) {
        struct mls_propose_args a = {.kind = MLS_PROPOSE_UPDATE};
        world_propose(w, world_random_member(w, p->committer), &a);
        return;
    }
    p->a.force_path = true; /* what a member updates by value is its own leaf, by its path */
}

static void plan_psk(struct world *w, struct plan *p, bool by_reference)
{
    uint64_t which = world_below(w, WORLD_PSKS);
    if (by_reference) {
        struct mls_propose_args a = {.kind = MLS_PROPOSE_PSK, .psk_id = w->psk[which].id};
        world_propose(w, world_random_member(w, WORLD_DEVICES), &a);
        return;
    }
    if (p->a.psk_id_count == 0)
        p->psk_ids[p->a.psk_id_count++] = w->psk[which].id;
}

static void plan_extensions(struct world *w, struct plan *p, bool by_reference)
{
    if (by_reference) {
        struct mls_propose_args a = {.kind = MLS_PROPOSE_EXTENSIONS, .extensions = {extension_of(w, p), 1}};
        world_propose(w, world_random_member(w, WORLD_DEVICES), &a);
        return;
    }
    p->a.set_extensions = true;
    p->a.extensions = (struct mls_extension_list){extension_of(w, p), 1};
}

static void (*const planners[])(struct world *, struct plan *, bool) = {plan_add, plan_remove, plan_update,
                                                                        plan_psk, plan_extensions};

static void plan_start(struct world *w, struct plan *p, size_t committer)
{
    *p = (struct plan){.committer = committer};
    p->a.adds = p->adds;
    p->a.removes = p->removes;
    p->a.psk_ids = p->psk_ids;
    p->a.force_path = world_chance(w, 50);
    p->a.tree_apart = world_chance(w, 50);
}

/* Kinds are drawn so that the group wanders between 2 and 20 members: towards a size that changes now and
 * then. */
static enum kind draw_kind(struct world *w)
{
    static uint64_t aim; /* drawn in step 0 */
    size_t members = world_member_count(w);
    if (w->step % 50 == 0)
        aim = 2 + world_below(w, WORLD_MEMBERS_MAX - 1);
    if (members < 2)
        return STEP_ADD;
    uint64_t draw = world_below(w, 100);
    if (draw < 40)
        return aim > members ? STEP_ADD : STEP_REMOVE;
    return draw < 55   ? STEP_UPDATE
           : draw < 65 ? STEP_PSK
           : draw < 70 ? STEP_EXTENSIONS
           : draw < 80 ? STEP_EMPTY
                       : STEP_MIXED;
}

static void fill_plan(struct world *w, struct plan *p, enum kind kind, bool by_reference)
{
    if (kind == STEP_MIXED) {
        for (uint64_t parts = 2 + world_below(w, PARTS_MAX - 1); parts > 0; parts--)
            planners[world_below(w, STEP_EMPTY)](w, p, by_reference || world_chance(w, 40));
        p->a.take_pending = true;
    } else if (kind != STEP_EMPTY) {
        planners[kind](w, p, by_reference);
        p->a.take_pending = by_reference;
    }
}

/* ---- one step ---- */

static void step(struct world *w)
{
    struct plan plan, rival_plan;
    struct world_commit commit, rival;
    enum kind kind = draw_kind(w);
    size_t members = world_member_count(w), committer = world_random_member(w, WORLD_DEVICES), other;
    bool by_reference = members > 1 && kind != STEP_EMPTY && world_chance(w, 40);
    plan_start(w, &plan, committer);
    fill_plan(w, &plan, kind, by_reference);
    other = world_random_member(w, committer);
    bool race = other != WORLD_DEVICES && world_chance(w, 15);
    world_commit(w, committer, &plan.a, &commit);
    if (race) { /* another member commits before it sees the first */
        plan_start(w, &rival_plan, other);
        fill_plan(w, &rival_plan, world_chance(w, 50) ? STEP_PSK : STEP_EMPTY, false);
        rival_plan.a.take_pending = world_chance(w, 50);
        world_commit(w, other, &rival_plan.a, &rival);
        bool rival_wins = world_chance(w, 50);
        if (rival_wins) {
            struct world_commit loser = commit;
            commit = rival;
            rival = loser;
        }
        size_t winner = rival_wins ? other : committer, loser = rival_wins ? committer : other;
        WORLD_OK(w, mls_staged_drop(&w->device[loser].records.sink));
        world_commit_wipe(&rival);
        world_apply(w, winner, &commit);
    } else {
        counts.without_path += !mls_staged_has_path(commit.staged);
        world_apply(w, committer, &commit);
        for (size_t i = 0; i < plan.a.add_count; i++)
            WORLD_TRUE(w, w->device[plan.added_device[i]].group != NULL);
        for (size_t i = 0; i < plan.a.remove_count; i++)
            WORLD_TRUE(w, w->device[plan.removed_device[i]].group == NULL);
    }
    world_commit_wipe(&commit);
    world_check(w);
    world_read_late(w);
    if (world_chance(w, 25))
        world_chat(w);
    counts.kind[kind]++;
    counts.by_reference += by_reference;
    counts.races += race;
    counts.members[world_member_count(w)]++;
}

static void report(const struct world *w, double seconds)
{
    printf("steps %" PRIu64 " in %.1f s:", w->step, seconds);
    for (size_t i = 0; i < STEP_KINDS; i++)
        printf(" %s %" PRIu64, kind_names[i], counts.kind[i]);
    printf("\nby reference %" PRIu64 ", races %" PRIu64 ", without path %" PRIu64 ", joins %" PRIu64
           ", loaded again %" PRIu64 ", late messages %" PRIu64 "\nmembers:",
           counts.by_reference, counts.races, counts.without_path, w->joins, w->reloads, w->late_read);
    for (size_t i = 1; i < WORLD_DEVICES; i++) {
        if (counts.members[i] > 0)
            printf(" %zu×%" PRIu64, i, counts.members[i]);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    static struct world w;
    uint64_t seed = 1, steps = 10000;
    for (int i = 1; i < argc; i += 2) {
        bool is_seed = strcmp(argv[i], "--seed") == 0;
        if ((!is_seed && strcmp(argv[i], "--steps") != 0) || i + 1 == argc) {
            fprintf(stderr, "usage: property_mls [--seed N] [--steps N]\n");
            return 1;
        }
        *(is_seed ? &seed : &steps) = strtoull(argv[i + 1], NULL, 0);
    }
    if (suite_start() != ST_OK)
        return 1;
    printf("seed %" PRIu64 "\n", seed);
    fflush(stdout);
    clock_t start = clock();
    world_start(&w, seed);
    for (w.step = 0; w.step < steps; w.step++)
        step(&w);
    report(&w, (double)(clock() - start) / CLOCKS_PER_SEC);
    world_end(&w);
    if (mem_live() != 0)
        fprintf(stderr, "%zu blocks are not freed\n", mem_live());
    return mem_live() != 0;
}
