/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith/render_people.h"

#include <string.h>

#include "apps/kith/fields.h"

/* Who asks whom: of what was sent, and of a child's ask, it is the person of this family. */
static void put_who(const json_t *r)
{
    bool sent = strcmp(text(r, "kind"), "sent") == 0 || strcmp(text(r, "kind"), "ask") == 0;
    const char *child = yes(r, "other_supervised") ? " (a child)" : "";
    if (strcmp(text(r, "kind"), "sign") == 0) {
        printf("  sign  ");
        bool device = text(r, "other")[0] != '\0'; /* else a proposal that all parents sign */
        put_text(stdout, device ? text(r, "other") : "a further parent of the family");
        fputs(device ? ", a new device of " : "", stdout);
        put_text(stdout, device ? text(r, "person") : "");
        return;
    }
    printf("  %s  ", text(r, "kind"));
    put_text(stdout, text(r, sent ? "person" : "other"));
    printf("%s → ", sent ? "" : child);
    put_text(stdout, text(r, sent ? "other" : "person"));
    fputs(sent ? child : "", stdout);
}

/* Whoever asked is never told of a no, so what was sent "waits" for a yes until it lapses. */
static void put_state(const json_t *r)
{
    bool unanswered = strcmp(text(r, "kind"), "sent") == 0 && strcmp(text(r, "state"), "waiting") == 0;
    printf("  %s%s\n", unanswered ? "no answer yet" : text(r, "state"),
           yes(r, "can_decide") ? ", you can decide" : "");
}

void render_requests(const json_t *result)
{
    const json_t *list = rows(result, "requests", "Nothing waits for a decision.");
    size_t i;
    json_t *r;
    json_array_foreach(list, i, r)
    {
        put_id(r);
        put_who(r);
        put_state(r);
        line("family", text(r, "other_family"));
        line("note", text(r, "note"));
        line("met", text(r, "how"));
        line_time("asked", number(r, "at_ms"));
        line_time("lapses", number(r, "lapses_at_ms"));
        if (yes(r, "can_decide"))
            printf("  %-12s kith approve %.*s   or   kith deny %.*s\n", "decide", ID_DIGITS, text(r, "id"),
                   ID_DIGITS, text(r, "id"));
    }
}

void render_contacts(const json_t *result)
{
    const json_t *list = rows(result, "contacts", "No contacts outside the family yet.");
    size_t i;
    json_t *r;
    json_array_foreach(list, i, r)
    {
        put_text(stdout, text(r, "name"));
        printf("%s  %s\n", yes(r, "supervised") ? " (a child)" : "",
               yes(r, "unanswered") ? "asked, no answer yet" : text(r, "state"));
        line("contact of", yes(r, "mine") ? "you" : text(r, "person"));
        line("family", text(r, "family"));
        line("read along", text(r, "overseers"));
        line_time("until", number(r, "until_at_ms"));
    }
}
