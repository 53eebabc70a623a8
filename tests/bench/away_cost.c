/* SPDX-License-Identifier: Apache-2.0 */
/* A device with many conversations: what it costs to come back after a month, and to do nothing.
 *
 * Ana has a conversation with one person of each of so many families. In a few of them somebody writes; the
 * devices at the other ends of the rest are off, so that what is measured is Ana's device alone. */
#include <stdio.h>
#include <string.h>

#include "protocol/block.h"
#include "tests/bench/sync_bench.h"
#include "tests/support/test.h"
#include "tests/world/world_past.h"
#include "tests/world/world_story.h"

enum { TEXT_LEN = 200, TALKERS = 3, NEW_TEXTS = 30, MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };
#define DAY_MS INT64_C(86400000)
#define ARRIVED "SELECT count(*) FROM entry WHERE kind = 1 AND applied = 1 AND own = 0"

struct friends {
    size_t ana, talkers[TALKERS];
};

static void befriend(struct world *w, size_t ana, size_t other, size_t number)
{
    char family[32], person[32];
    snprintf(family, sizeof(family), "Family %zu", number);
    snprintf(person, sizeof(person), "Friend %zu", number);
    story_found(w, other, family, person);
    story_ask(w, other, ana, NULL, "It is me");
    story_decide(w, ana, true);
    story_wait_contact(w, other, "Ana", "active");
    story_wait_contact(w, ana, person, "active");
}

static struct world *make(size_t conversations, size_t messages, struct friends *f)
{
    struct world *w = world_new(3);
    f->ana = world_add(w, "Ana's phone");
    story_found(w, f->ana, "Berg", "Ana");
    for (size_t i = 0; i < conversations; i++) {
        size_t other = world_add(w, "Friend's phone");
        befriend(w, f->ana, other, i);
        world_run(w, MINUTE_MS);
        if (i < TALKERS)
            f->talkers[i] = other;
        else
            world_off(w, other);
    }
    world_write_past(w, f->ana, messages, TEXT_LEN);
    world_run(w, HOUR_MS);
    return w;
}

struct awaited {
    size_t device;
    int64_t texts;
};

static bool are_here(struct world *w, void *ctx)
{
    const struct awaited *a = ctx;
    return world_number(w, a->device, ARRIVED) >= a->texts;
}

/* So many texts in so many days, one after another. */
static void month(struct world *w, const struct friends *f, size_t talkers)
{
    for (size_t i = 0; i < NEW_TEXTS; i++) {
        char text[TEXT_LEN + 1];
        memset(text, 'a', TEXT_LEN);
        text[TEXT_LEN] = '\0';
        world_ok(w, f->talkers[i % talkers], CMD_SEND, "Ana", text, NULL, NULL);
        world_run(w, DAY_MS);
    }
}

void bench_sync_away(size_t conversations, size_t messages)
{
    struct friends f;
    struct world *w = make(conversations, messages, &f);
    struct awaited a = {f.ana, world_number(w, f.ana, ARRIVED) + NEW_TEXTS};
    world_off(w, f.ana);
    month(w, &f, conversations < TALKERS ? conversations : TALKERS);
    struct world_cost before = world_cost(w, f.ana);
    double began = bench_cpu_s();
    world_on(w, f.ana);
    double opened = bench_cpu_s() - began;
    assert_true(world_until(w, are_here, &a, HOUR_MS));
    world_run(w, MINUTE_MS); /* all that it asks and tells because it is back */
    struct world_cost c = world_cost(w, f.ana);
    printf("away_%zu_%zu_open %.1f ms\n", conversations, messages, opened * 1e3);
    printf("away_%zu_%zu_current %.1f ms\n", conversations, messages,
           (opened + c.step_s - before.step_s) * 1e3);
    printf("away_%zu_%zu_requests %llu requests\n", conversations, messages,
           (unsigned long long)(c.requests - before.requests));
    printf("away_%zu_%zu_in %.2f MiB\n", conversations, messages,
           (double)(c.bytes_in - before.bytes_in) / 1048576);
    printf("away_%zu_%zu_out %.2f MiB\n", conversations, messages,
           (double)(c.bytes_out - before.bytes_out) / 1048576);
    world_free(w);
}

void bench_sync_idle(size_t conversations, unsigned hours)
{
    struct friends f;
    struct world *w = make(conversations, 0, &f);
    for (size_t i = 0; i < TALKERS && i < conversations; i++)
        world_off(w, f.talkers[i]);
    struct world_cost before = world_cost(w, f.ana);
    world_run(w, (int64_t)hours * HOUR_MS);
    struct world_cost c = world_cost(w, f.ana);
    double days = hours / 24.0;
    printf("idle_%zu_wakeups %.2f a minute\n", conversations,
           (double)(c.steps - before.steps) / (hours * 60.0));
    printf("idle_%zu_timers %.2f a minute\n", conversations,
           (double)(c.ticks - before.ticks) / (hours * 60.0));
    printf("idle_%zu_cpu %.2f s/day\n", conversations, (c.step_s - before.step_s) / days);
    printf("idle_%zu_out %.2f MiB/day\n", conversations,
           (double)(c.bytes_out - before.bytes_out) / 1048576 / days);
    printf("idle_%zu_in %.2f MiB/day\n", conversations,
           (double)(c.bytes_in - before.bytes_in) / 1048576 / days);
    world_free(w);
}
