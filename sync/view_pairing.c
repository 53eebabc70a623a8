/* SPDX-License-Identifier: Apache-2.0 */
/* What can be seen of the newest pairing, on either side. */
#include "protocol/mark.h"
#include "sync/pair_internal.h"

const char *pairing_state_name(enum pairing_state s)
{
    static const char *const names[] = {
        [PAIRING_NONE] = "none", [PAIRING_OFFERED] = "offered",   [PAIRING_ASKED] = "asked",
        [PAIRING_CODE] = "code", [PAIRING_ACCEPTED] = "accepted", [PAIRING_JOINING] = "joining",
        [PAIRING_DONE] = "done", [PAIRING_FAILED] = "failed"};
    return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "unknown";
}

struct pairing_words { /* NUL-terminated copies of what the session holds as spans */
    char family[WIRE_NAME_MAX + 1], person[WIRE_NAME_MAX + 1], device[WIRE_NAME_MAX + 1];
    char relay[WIRE_RELAY_MAX + 1], mark[MARK_TEXT_LEN];
};

static const char *copy_text(char *to, size_t cap, struct span from)
{
    size_t len = from.len < cap ? from.len : cap - 1;
    if (len > 0)
        memcpy(to, from.ptr, len);
    to[len] = '\0';
    return to;
}

/* On the new device the family is known from the answer on. */
static enum status mark_words(const struct pairing_facts *f, struct pairing_words *w)
{
    static const struct family_id none;
    w->mark[0] = '\0';
    return ID_EQUAL(&f->family, &none) ? ST_OK : mark_of_family(&f->family, w->mark);
}

static enum status show(const struct pair_run *r, pairing_visit visit, void *ctx)
{
    const struct pairing_facts *f = pairing_facts(r->p);
    struct pairing_words w;
    enum status st = mark_words(f, &w);
    struct pairing_row row = {.state = pair_state(f),
                              .failed = f->failed,
                              .new_device = f->new_device,
                              .needs_co_signature = r->co_sign && f->phase == PHASE_CONFIRMED,
                              .code = f->code,
                              .family = copy_text(w.family, sizeof(w.family), f->family_name),
                              .mark = w.mark,
                              .relay = copy_text(w.relay, sizeof(w.relay), f->relay),
                              .person = copy_text(w.person, sizeof(w.person), f->person_name),
                              .device = copy_text(w.device, sizeof(w.device), f->device_name),
                              .role = f->role,
                              .expires_at_ms = f->expires_ms};
    if (st == ST_OK)
        visit(ctx, &row);
    return st;
}

enum status view_pairing(struct node *n, pairing_visit visit, void *ctx)
{
    struct pair_run r;
    enum status st = pair_run_newest(n, &r);
    if (st == ST_OK && r.p != NULL) {
        st = show(&r, visit, ctx);
    } else if (st == ST_OK) {
        struct pairing_row none = {.state = PAIRING_NONE,
                                   .code = "",
                                   .family = "",
                                   .mark = "",
                                   .relay = "",
                                   .person = "",
                                   .device = ""};
        visit(ctx, &none);
    }
    pair_run_free(&r);
    return st;
}
