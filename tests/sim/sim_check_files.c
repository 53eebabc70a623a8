/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of files when all is calm: whoever is told of one has it as it was sent, as long as anybody
 * has it; and nothing is left of what was taken back. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_look.h"
#include "tests/support/test.h"
#include "tests/world/world_inside.h"
#include "tests/world/world_source.h"

enum has { HAS_NOTHING, IS_TOLD, HAS_IT, MOVES, FAILED }; /* MOVES: is read from the disk, or put up */

static struct {
    uint8_t of[SIM_TEXTS_MAX]; /* enum has, by number */
    char id[SIM_TEXTS_MAX][2 * ID_LEN + 1], why[SIM_TEXTS_MAX][24];
    uint32_t parts[SIM_TEXTS_MAX];
} files[SIM_DEVICES_MAX];

struct looking {
    struct look *l;
    size_t device;
    bool good;
};

static enum has has_by_name(const char *state)
{
    if (strcmp(state, "here") == 0 || strcmp(state, "sent") == 0)
        return HAS_IT;
    if (strcmp(state, "failed") == 0)
        return FAILED;
    return strcmp(state, "reading") == 0 || strcmp(state, "sending") == 0 ? MOVES : IS_TOLD;
}

static void see_file(void *ctx, const struct file_row *row)
{
    struct looking *x = ctx;
    const struct sim *s = x->l->s;
    const char *who = look_name(x->l, x->device);
    size_t number = sim_text_number(s, row->name);
    if (!x->good)
        return;
    if (number == SIM_NOBODY || s->texts[number].size != row->size) {
        x->good = look_no(x->l, "%s shows the file %s, which nobody sent", who, row->name);
    } else if (!look_may_read(s, x->device, &s->texts[number])) {
        x->good = look_no(x->l, "%s shows the file %s, which is not for it", who, row->name);
    } else if (files[x->device].of[number] != HAS_NOTHING) {
        x->good = look_no(x->l, "%s shows the file %s twice", who, row->name);
    } else {
        files[x->device].of[number] = (uint8_t)has_by_name(row->state);
        files[x->device].parts[number] = row->parts;
        snprintf(files[x->device].id[number], sizeof(files[0].id[0]), "%s", row->id);
        snprintf(files[x->device].why[number], sizeof(files[0].why[0]), "%s", row->why);
    }
}

bool look_files(struct look *l)
{
    memset(files, 0, sizeof(files));
    for (size_t i = 0; i < world_count(l->s->w); i++) {
        struct looking x = {.l = l, .device = i, .good = true};
        if (!look_counts(l->s, i))
            continue;
        assert_ok(view_files(world_node(l->s->w, i), NULL, 0, see_file, &x));
        if (!x.good)
            return false;
    }
    return true;
}

/* ---- byte for byte ---- */

struct comparing {
    const struct sim_text *t;
    uint8_t seed;
    uint64_t at;
    bool same;
};

static void compare(void *ctx, struct span bytes)
{
    struct comparing *c = ctx;
    for (size_t i = 0; i < bytes.len; i++)
        c->same = c->same && bytes.ptr[i] == world_source_byte(c->seed, c->t->image, c->at + i);
    c->at += bytes.len;
}

static bool is_whole(const struct sim *s, size_t device, size_t number)
{
    struct comparing c = {.t = &s->texts[number], .seed = (uint8_t)number, .same = true};
    for (uint32_t i = 0; i < files[device].parts[number]; i++)
        assert_ok(view_file_part(world_node(s->w, device), files[device].id[number], i, compare, &c));
    return c.same && c.at == c.t->size;
}

/* ---- there, or gone ---- */

bool look_forbidden(const struct sim *s, size_t device, const struct sim_text *t)
{
    size_t author = s->devices[t->author].person;
    return t->contact != SIM_NOBODY && s->devices[device].person != author &&
           (s->no_files[author] || s->no_files[t->contact]);
}

bool look_file_failed(const struct sim *s, size_t number)
{
    return files[s->texts[number].author].of[number] == FAILED;
}

/* Somebody who could put it up where this device reads it. */
static size_t who_has(const struct look *l, size_t device, size_t number)
{
    const struct sim_text *t = &l->s->texts[number];
    for (size_t i = 0; i < world_count(l->s->w); i++) {
        if (i != device && look_counts(l->s, i) && files[i].of[number] == HAS_IT &&
            look_still_contact(l, i, t) && look_still_contact(l, device, t))
            return i;
    }
    return SIM_NOBODY;
}

static bool is_right(struct look *l, size_t device, size_t number)
{
    const struct sim_text *t = &l->s->texts[number];
    enum has has = (enum has)files[device].of[number];
    const char *why = files[device].why[number];
    if (has == HAS_IT)
        return is_whole(l->s, device, number) ||
               look_no(l, "%s has other bytes for t%zu", look_name(l, device), number);
    if (has == MOVES)
        return look_no(l, "%s has not put up t%zu %s", look_name(l, device), number, why);
    if (has == FAILED)
        return strcmp(why, "FILE_RULES") == 0 || strcmp(why, "POLICY_DENIED") == 0 ||
               look_no(l, "%s failed with t%zu: %s", look_name(l, device), number, why);
    size_t who = has == IS_TOLD && !look_forbidden(l->s, device, t) ? who_has(l, device, number) : SIM_NOBODY;
    return who == SIM_NOBODY || look_no(l, "%s has not got t%zu %s, and %s has it", look_name(l, device),
                                        number, why, look_name(l, who));
}

bool look_files_there(struct look *l, size_t device)
{
    if (world_number(
            l->s->w, device,
            "SELECT count(*) FROM file_part WHERE file NOT IN (SELECT id FROM file WHERE state < 6)") != 0)
        return look_no(l, "%s keeps bytes of a file that is gone", look_name(l, device));
    for (size_t i = 0; i < l->s->text_count; i++) {
        if (!is_right(l, device, i))
            return false;
    }
    return true;
}

void look_files_count(struct sim *s)
{
    for (size_t i = 0; i < s->text_count; i++) {
        bool told = false, has = false;
        for (size_t k = 0; s->texts[i].size != 0 && k < world_count(s->w); k++) {
            s->counts->fetched += k != s->texts[i].author && files[k].of[i] == HAS_IT;
            told = told || files[k].of[i] != HAS_NOTHING;
            has = has || files[k].of[i] == HAS_IT;
        }
        s->counts->files += s->texts[i].size != 0;
        s->counts->lost += told && !has;
    }
}
