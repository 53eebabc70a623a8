/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith/dialog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apps/kith/render.h"
#include "apps/kith/terminal.h"
#include "apps/local/say.h"

void print_json(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    if (text != NULL)
        puts(text);
    fflush(stdout);
    free(text);
}

static json_t *own_error(enum status s)
{
    struct say say = say_of(s);
    return json_pack("{s:i, s:s, s:{s:s, s:s, s:s}}", "code", -32000 - (int)status_class(s), "message",
                     say.what, "data", "status", status_name(s), "say", say.what, "next", say.next);
}

void print_error(const struct cli_call *c, json_t *error)
{
    json_t *whole;
    if (!c->json) {
        render_error(error);
        return;
    }
    whole = json_pack("{s:O}", "error", error);
    print_json(whole);
    json_decref(whole);
}

json_t *ask_agent(struct agent_line *l, const struct cli_call *c, const char *method, json_t *params,
                  int *exit)
{
    json_t *reply = NULL, *result = NULL, *error = NULL;
    enum status s = agent_call(l, method, params, CALL_WAIT_MS, &reply);
    int without = s == ST_COMMAND_TEXT ? EXIT_REFUSED : EXIT_NO_AGENT;
    *exit = s == ST_OK ? EXIT_OK : without;
    if (s == ST_OK) {
        result = json_incref(json_object_get(reply, "result"));
        error = json_incref(json_object_get(reply, "error"));
    } else {
        error = own_error(s);
    }
    if (error != NULL) {
        print_error(c, error);
        *exit = s == ST_OK ? EXIT_REFUSED : without;
    }
    json_decref(error);
    json_decref(reply);
    return result;
}

void put_in_place(void (*draw)(FILE *to, const json_t *o), const json_t *o)
{
    char *line = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&line, &len);
    if (to == NULL)
        return;
    draw(to, o);
    fclose(to);
    int columns = window_columns(stdout);
    fputs("\r\033[K", stdout);
    put_cell(stdout, line != NULL ? line : "", columns > 1 ? columns - 1 : 1);
    free(line);
}

/* ---- pairing ---- */

static void pause_ms(int ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

static bool says_yes(void)
{
    char answer[16];
    printf("Join this family on this device? [y/N] ");
    fflush(stdout);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static void tell_state(const json_t *p, const char *state)
{
    if (strcmp(state, "asked") == 0)
        puts("Waiting for the other device…");
    if (strcmp(state, "code") == 0) {
        puts("You are asked to join:");
        render_pairing_offer(p);
        printf("\n  Code: %s\n\nA parent types it on the other device. It is never shown there.\n",
               json_string_value(json_object_get(p, "code")));
    }
    if (strcmp(state, "joining") == 0)
        puts("Joining…");
    if (strcmp(state, "done") == 0)
        puts("This device is in the family. `kith status` shows it.");
    fflush(stdout);
}

static json_t *failure_of(const json_t *p)
{
    return json_pack("{s:i, s:s, s:{s:O, s:O, s:O}}", "code", -32000, "message", "pairing failed", "data",
                     "status", json_object_get(p, "failed"), "say", json_object_get(p, "say"), "next",
                     json_object_get(p, "next"));
}

/* What the person says when the parent's device has accepted. */
static bool answer(struct agent_line *l, const struct cli_call *c, int *exit)
{
    bool yes = c->yes || says_yes();
    json_t *r = ask_agent(l, c, yes ? "pair.yes" : "pair.no", NULL, exit);
    json_decref(r);
    if (!yes && *exit == EXIT_OK) {
        fputs("kith: Not joined. The link is void; ask for a new one to try again.\n", stderr);
        *exit = EXIT_REFUSED;
    }
    return *exit == EXIT_OK;
}

static bool pairing_step(struct agent_line *l, const struct cli_call *c, const json_t *p, int *exit)
{
    const char *state = json_string_value(json_object_get(p, "state"));
    if (c->json)
        print_json(p);
    else
        tell_state(p, state);
    if (strcmp(state, "accepted") == 0)
        return answer(l, c, exit);
    if (strcmp(state, "failed") == 0) {
        json_t *error = failure_of(p);
        if (!c->json)
            render_error(error);
        json_decref(error);
        *exit = EXIT_REFUSED;
    }
    return strcmp(state, "failed") != 0 && strcmp(state, "done") != 0;
}

int dialog_pair(struct agent_line *l, const struct cli_call *c)
{
    char last[16] = "";
    int exit = EXIT_OK;
    bool go_on = true;
    while (go_on) { /* ends: the node fails a pairing whose time is over */
        json_t *p = ask_agent(l, c, "pairing", NULL, &exit);
        const char *state = json_string_value(json_object_get(p, "state"));
        if (state == NULL)
            return exit != EXIT_OK ? exit : EXIT_REFUSED;
        if (strcmp(state, last) != 0) {
            snprintf(last, sizeof(last), "%s", state);
            go_on = pairing_step(l, c, p, &exit);
        } else {
            pause_ms(POLL_MS);
        }
        json_decref(p);
    }
    return exit;
}

/* ---- history on its way ---- */

/* With the files that come with it. New, or NULL. */
static json_t *own_history(const json_t *result)
{
    const json_t *list = json_object_get(result, "devices");
    size_t i;
    json_t *d;
    json_array_foreach(list, i, d)
    {
        if (!json_is_true(json_object_get(d, "this_device")))
            continue;
        json_t *history = json_copy(json_object_get(d, "history"));
        if (history != NULL && json_object_get(d, "files") != NULL)
            json_object_set(history, "files", json_object_get(d, "files"));
        return history;
    }
    return NULL;
}

static bool is_running(const json_t *o)
{
    const char *state = json_string_value(json_object_get(o, "state"));
    return state != NULL && strcmp(state, "done") != 0;
}

static void show_progress(const struct cli_call *c, const json_t *history, bool over)
{
    bool in_place = !c->json && isatty(STDOUT_FILENO);
    if (history == NULL)
        return;
    if (c->json) {
        print_json(history);
        return;
    }
    if (in_place)
        put_in_place(render_progress, history);
    else
        render_progress(stdout, history);
    if (!in_place || over)
        putchar('\n');
    fflush(stdout);
}

int dialog_progress(struct agent_line *l, const struct cli_call *c)
{
    int exit = EXIT_OK;
    bool over = false;
    while (exit == EXIT_OK && !over) { /* ends: with the transfer, or by the person */
        json_t *r = ask_agent(l, c, "devices", NULL, &exit);
        json_t *history = own_history(r);
        over = exit == EXIT_OK && !is_running(history) && !is_running(json_object_get(history, "files"));
        show_progress(c, history, over);
        if (history == NULL && over)
            puts(c->json ? "{}" : "No history is on its way to this device.");
        json_decref(history);
        json_decref(r);
        if (!over)
            pause_ms(PROGRESS_MS);
    }
    return exit;
}

/* ---- following ---- */

static json_int_t show_rows(const struct cli_call *c, const json_t *result, json_int_t cursor)
{
    const json_t *rows = json_object_get(result, "messages");
    size_t count = json_array_size(rows);
    if (count == 0)
        return cursor;
    if (c->json)
        print_json(result);
    else
        render_messages(rows, json_object_get(c->params, "with") == NULL);
    fflush(stdout);
    for (size_t i = 0; i < count; i++) { /* they stand in the order of writing */
        json_int_t at = json_integer_value(json_object_get(json_array_get(rows, i), "cursor"));
        cursor = at > cursor ? at : cursor;
    }
    return cursor;
}

static json_int_t wait_for_event(struct agent_line *l, const struct cli_call *c, json_int_t after,
                                 int wait_ms, int *exit)
{
    json_t *params = json_pack("{s:I, s:i}", "after", after, "timeout_ms", wait_ms);
    json_t *r = ask_agent(l, c, "events.wait", params, exit);
    json_int_t cursor = json_integer_value(json_object_get(r, "cursor"));
    json_decref(params);
    json_decref(r);
    return cursor;
}

int dialog_follow(struct agent_line *l, const struct cli_call *c)
{
    json_t *params = json_deep_copy(c->params);
    json_int_t shown = 0, seen = -1, event = 0;
    int exit = EXIT_OK;
    while (exit == EXIT_OK && seen != event) { /* skip what happened before */
        seen = event;
        event = wait_for_event(l, c, seen, 0, &exit);
    }
    while (exit == EXIT_OK) {
        json_t *r = ask_agent(l, c, "history", params, &exit);
        if (exit == EXIT_OK)
            shown = show_rows(c, r, shown);
        json_decref(r);
        json_object_set_new(params, "after", json_integer(shown));
        json_object_del(params, "limit");
        if (exit == EXIT_OK)
            event = wait_for_event(l, c, event, FOLLOW_WAIT_MS, &exit);
    }
    json_decref(params);
    return exit;
}
