/* SPDX-License-Identifier: Apache-2.0 */
/* The commands pair.* and what can be seen of a pairing. */
#include <assert.h>
#include <strings.h>

#include "protocol/mark.h"
#include "protocol/recovery.h"
#include "sync/commands.h"
#include "sync/contact_internal.h"
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/pair_internal.h"

enum { FIRST_KEY_PACKAGES = 8 /* and a last resort; refilled in `family` (§5.1) */ };

/* ---- pair.invite ---- */

struct invited { /* who the new device will be */
    struct person_id person;
    enum person_role role;
    bool known; /* is in the family already */
};

static enum status read_role(const struct command *c, enum person_role *role)
{
    char text[16];
    command_text(c, CMD_PAIR_INVITE_ROLE, text, sizeof(text));
    *role = strcmp(text, "parent") == 0 ? ROLE_PARENT : ROLE_CHILD;
    return *role == ROLE_PARENT || strcmp(text, "child") == 0 ? ST_OK : ST_COMMAND_FIELD;
}

/* A name that somebody has means that person, in the role that they have; every other name is a new person's.
 */
static enum status find_invited(struct node *n, const char *name, enum person_role role, struct invited *out)
{
    struct family_person persons[WIRE_PERSONS_MAX];
    size_t count = 0;
    *out = (struct invited){.role = role};
    enum status st = family_persons(n, persons, WIRE_PERSONS_MAX, &count);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        if (strcasecmp(persons[i].name, name) != 0)
            continue;
        out->person = persons[i].person;
        out->known = true;
        return persons[i].role == role ? ST_OK : ST_NAME_TAKEN;
    }
    if (st == ST_OK)
        entropy_fill(&n->entropy, out->person.b, sizeof(out->person.b));
    return st;
}

/* Whoever had devices and has none left cannot get another one: the chain's next entry would be refused. */
static enum status has_device(struct node *n, const struct invited *who)
{
    struct family_device devices[WIRE_DEVICES_MAX];
    size_t count = 0;
    enum status st = family_devices(n, &who->person, devices, WIRE_DEVICES_MAX, &count);
    return st == ST_OK && count == 0 ? ST_DEVICE_NONE_LEFT : st;
}

/* Of a new person the chains' own rules decide; of a known one policy says who has to agree. */
static enum status may_link(struct node *n, const struct invited *who, struct pair_run *run, struct reply *r)
{
    struct facts_ask ask = {.kind = MAY_LINK_DEVICE, .subject = {n->self.family, who->person}};
    struct facts_answer answer;
    if (!who->known)
        return ST_OK;
    enum status st = has_device(n, who);
    if (st == ST_OK)
        st = facts_decide(n, &ask, &answer);
    if (st != ST_OK)
        return st;
    run->co_sign = answer.kind == VERDICT_ASK;
    if (answer.kind == VERDICT_ALLOW || answer.kind == VERDICT_ASK)
        return ST_OK;
    r->rule = answer.rule;
    return facts_status(&answer);
}

static enum status offer(struct node *n, const char *name, const struct invited *who, struct pair_run *run,
                         struct reply *r)
{
    char relay[WIRE_RELAY_MAX + 1], family[NODE_NAME_MAX + 20];
    struct buffer bytes;
    struct pairing_offer_args a = {.entropy = &n->entropy,
                                   .now_ms = n->now.wall_ms,
                                   .device = n->self.device,
                                   .person_name = span_text(name),
                                   .person = who->person,
                                   .role = who->role};
    buffer_init(&bytes, WIRE_LIST_MAX);
    enum status st = family_relay(n, relay);
    if (st == ST_OK)
        st = family_name(n, family, sizeof(family));
    if (st == ST_OK)
        st = family_chain_list(n, &n->self.family, CHAIN_AUTHORITY, 0, &bytes, &a.authority_chain);
    if (st == ST_OK) {
        a.relay = span_text(relay);
        a.family_name = span_text(family);
        st = pairing_offer(&run->p, &a, &r->link);
    }
    if (st == ST_OK) {
        r->expires_at_ms = pairing_facts(run->p)->expires_ms;
        st = pair_run_insert(n, run);
    }
    buffer_wipe(&bytes);
    return st;
}

static enum status not_busy(struct node *n)
{
    struct pair_run r;
    enum status st = pair_run_newest(n, &r);
    bool busy = st == ST_OK && pair_is_open(&r);
    pair_run_free(&r);
    return busy ? ST_PAIRING_BUSY : st;
}

enum status run_pair_invite(struct node *n, const struct command *c, struct reply *r)
{
    char name[NODE_NAME_MAX + 1];
    struct invited who;
    struct pair_run run;
    memset(&run, 0, sizeof(run));
    enum status st = command_name(c, CMD_PAIR_INVITE_PERSON, name);
    if (st == ST_OK)
        st = read_role(c, &who.role);
    if (st == ST_OK)
        st = not_busy(n);
    if (st == ST_OK)
        st = find_invited(n, name, who.role, &who);
    if (st == ST_OK)
        st = may_link(n, &who, &run, r);
    if (st == ST_OK)
        st = offer(n, name, &who, &run, r);
    if (st == ST_OK)
        st = pair_run_settle(n, &run, PAIRING_NONE, SPAN_EMPTY);
    if (st == ST_OK)
        sqlite3_snprintf((int)sizeof(r->name), r->name, "%s", name);
    pair_run_free(&run);
    return st;
}

/* ---- pair.accept ---- */

enum status run_pair_accept(struct node *n, const struct command *c, struct reply *r)
{
    (void)r;
    char device[NODE_NAME_MAX + 1];
    struct pair_run run;
    struct buffer send;
    memset(&run, 0, sizeof(run));
    buffer_init(&send, PAIRING_MESSAGE_MAX);
    enum status st = command_name(c, CMD_PAIR_ACCEPT_DEVICE, device);
    if (st == ST_OK)
        st = not_busy(n);
    if (st == ST_OK)
        st = self_make_key(n);
    if (st == ST_OK) {
        struct pairing_join_args a = {.entropy = &n->entropy,
                                      .now_ms = n->now.wall_ms,
                                      .link = c->value[CMD_PAIR_ACCEPT_LINK].text,
                                      .device = n->self.device,
                                      .device_name = span_text(device),
                                      .in_family = n->self.in_family};
        st = pairing_join(&run.p, &a, &send);
    }
    if (st == ST_OK)
        st = pair_run_insert(n, &run);
    if (st == ST_OK)
        st = pair_run_settle(n, &run, PAIRING_NONE, buffer_span(&send));
    pair_run_free(&run);
    buffer_wipe(&send);
    return st;
}

/* ---- pair.confirm, pair.yes, pair.cancel, pair.no: one step of the newest pairing ---- */

struct step {
    struct pair_run run;
    const struct command *command;
    struct reply *reply;
    struct buffer send;
};

typedef enum status (*step_fn)(struct node *n, struct step *s);

static enum status take_step(struct node *n, const struct command *c, struct reply *r, bool new_device,
                             step_fn fn)
{
    struct step s = {.command = c, .reply = r};
    buffer_init(&s.send, PAIRING_MESSAGE_MAX);
    enum status st = pair_run_newest(n, &s.run);
    if (st == ST_OK && (!pair_is_open(&s.run) || pairing_facts(s.run.p)->new_device != new_device))
        st = ST_PAIRING_NONE;
    if (st == ST_OK) {
        enum pairing_state before = pair_state(pairing_facts(s.run.p));
        st = fn(n, &s);
        if (st == ST_OK)
            st = pair_run_settle(n, &s.run, before, buffer_span(&s.send));
    }
    pair_run_free(&s.run);
    buffer_wipe(&s.send);
    return st;
}

/* A wrong code is no failed command: the link is void, and that has to be stored. The reply says why. */
static enum status step_confirm(struct node *n, struct step *s)
{
    struct span digits = s->command->value[CMD_PAIR_CONFIRM_CODE].text;
    enum status st = pairing_enter_code(s->run.p, digits, n->now.wall_ms, &n->self.key, &s->send);
    if (st == ST_OK)
        s->reply->why = pairing_facts(s->run.p)->failed;
    if (st == ST_OK && s->run.co_sign)
        text_copy(s->reply->of, sizeof(s->reply->of), pairing_facts(s->run.p)->person_name);
    return st;
}

enum status run_pair_confirm(struct node *n, const struct command *c, struct reply *r)
{
    return take_step(n, c, r, false, step_confirm);
}

static enum status make_packages(struct node *n, const struct device_id *adder, struct buffer *bytes,
                                 struct wire_list *list)
{
    enum status st = ST_OK;
    for (int i = 0; st == ST_OK && i <= FIRST_KEY_PACKAGES; i++) {
        struct buffer one;
        buffer_init(&one, WIRE_KEY_PACKAGE_MAX);
        st = key_package_make(n, adder, i == FIRST_KEY_PACKAGES, &one);
        if (st == ST_OK)
            st = wire_list_append(bytes, list, buffer_span(&one));
        buffer_wipe(&one);
    }
    return st;
}

/* The kit is shown by this one answer, and kept nowhere afterwards. */
static void show_kit(struct node *n, struct step *s)
{
    if (!s->run.has_kit)
        return;
    static_assert(RECOVERY_TEXT_LEN <= sizeof(s->reply->kit), "the words fit the reply");
    recovery_words(&s->run.kit, s->reply->kit);
    secret_wipe(&s->run.kit);
    s->run.has_kit = false;
    n->scrub = true;
}

static enum status step_yes(struct node *n, struct step *s)
{
    const struct pairing_facts *f = pairing_facts(s->run.p);
    struct buffer bytes;
    struct wire_list list = {SPAN_EMPTY, 0};
    if (f->phase != PHASE_ACCEPTED)
        return f->phase < PHASE_ACCEPTED ? ST_PAIRING_WAITS
                                         : ST_PAIRING_NONE; /* not before the parent's yes */
    buffer_init(&bytes, WIRE_LIST_MAX);
    enum status st = family_keep_certificate(n, f->certificate);
    if (st == ST_OK)
        st = make_packages(n, &f->parent_device, &bytes, &list);
    if (st == ST_OK)
        st = pairing_confirm(s->run.p, &list, n->now.wall_ms, &n->self.key, &s->send);
    if (st == ST_OK && pairing_facts(s->run.p)->phase == PHASE_CONFIRMED)
        show_kit(n, s);
    s->reply->why = pairing_facts(s->run.p)->failed;
    buffer_wipe(&bytes);
    return st;
}

enum status run_pair_yes(struct node *n, const struct command *c, struct reply *r)
{
    return take_step(n, c, r, true, step_yes);
}

static enum status step_cancel(struct node *n, struct step *s)
{
    enum status st = n->self.in_family ? ST_OK : sql_run(&n->sql, "DELETE FROM meta WHERE key = 'relay'", "");
    return st == ST_OK ? pairing_cancel(s->run.p, &s->send) : st;
}

enum status run_pair_cancel(struct node *n, const struct command *c, struct reply *r)
{
    return take_step(n, c, r, false, step_cancel);
}

enum status run_pair_no(struct node *n, const struct command *c, struct reply *r)
{
    return take_step(n, c, r, true, step_cancel);
}
