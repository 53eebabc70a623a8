/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith/file_dialog.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apps/kith/file_target.h"
#include "apps/kith/render.h"
#include "apps/local/say.h"
#include "protocol/file_part.h"

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

static bool is(const json_t *file, const char *state)
{
    return strcmp(text(file, "state"), state) == 0;
}

static int refuse(const struct cli_call *c, enum status s, const char *what, const char *next)
{
    struct say say = say_of(s);
    json_t *error = json_pack("{s:i, s:s, s:{s:s, s:s, s:s}}", "code", -32000 - (int)status_class(s),
                              "message", say.what, "data", "status", status_name(s), "say",
                              what != NULL ? what : say.what, "next", next != NULL ? next : say.next);
    print_error(c, error);
    json_decref(error);
    return EXIT_REFUSED;
}

/* ---- how far it is ---- */

static json_t *file_row(struct agent_line *l, const struct cli_call *c, const char *id, int *exit)
{
    json_t *params = json_pack("{s:s}", "id", id);
    json_t *result = ask_agent(l, c, "files", params, exit);
    json_t *row = json_incref(json_array_get(json_object_get(result, "files"), 0));
    json_decref(params);
    json_decref(result);
    return row;
}

static void show(const struct cli_call *c, const json_t *file, bool over)
{
    bool in_place = !c->json && isatty(STDOUT_FILENO);
    if (c->json) {
        print_json(file);
        return;
    }
    if (!in_place && !over)
        return; /* a log file wants no moving bar */
    if (in_place)
        put_in_place(render_file_progress, file);
    else
        render_file_progress(stdout, file);
    if (over)
        putchar('\n');
    fflush(stdout);
}

static void pause_ms(int ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

/* The file's row when it is in none of the two states any more; NULL and *exit when it cannot be told. */
static json_t *wait_while(struct agent_line *l, const struct cli_call *c, const char *id, const char *state,
                          bool quiet, int *exit)
{
    json_t *row = file_row(l, c, id, exit);
    while (*exit == EXIT_OK && row != NULL && is(row, state)) { /* ends: with the file, or by the person */
        if (!quiet)
            show(c, row, false);
        json_decref(row);
        pause_ms(quiet ? POLL_MS / 4 : PROGRESS_MS / 2);
        row = file_row(l, c, id, exit);
    }
    return row;
}

static int say_failed(const struct cli_call *c, const json_t *file)
{
    for (int s = 1; s < STATUS_COUNT; s++) {
        if (strcmp(status_name((enum status)s), text(file, "why")) == 0)
            return refuse(c, (enum status)s, NULL, NULL);
    }
    return refuse(c, ST_FILE_NOT_HERE, NULL, NULL);
}

/* ---- sending ---- */

static int show_sent(struct agent_line *l, const struct cli_call *c, json_t *row, const char *token)
{
    int exit = EXIT_OK;
    bool follow = c->follow || (!c->json && isatty(STDOUT_FILENO));
    if (!c->json)
        render_file_sent(row);
    if (follow && is(row, "sending")) {
        json_t *end = wait_while(l, c, token, "sending", false, &exit);
        if (end != NULL)
            show(c, end, true);
        exit = end != NULL && is(end, "failed") ? say_failed(c, end) : exit;
        json_decref(end);
    } else if (c->json) {
        print_json(row);
    }
    return exit;
}

int dialog_send_file(struct agent_line *l, const struct cli_call *c)
{
    char path[PATH_MAX];
    int exit = EXIT_OK;
    const char *given = text(c->params, "file");
    if (realpath(given, path) == NULL)
        return refuse(c, ST_FILE_SOURCE, NULL, NULL);
    json_t *params = json_deep_copy(c->params);
    json_object_set_new(params, "file", json_string(path));
    json_t *result = ask_agent(l, c, "send.file", params, &exit);
    json_decref(params);
    if (result == NULL)
        return exit;
    const char *token = text(result, "id");
    json_t *row = wait_while(l, c, token, "reading", !c->follow && !isatty(STDOUT_FILENO), &exit);
    if (row != NULL && exit == EXIT_OK)
        exit = is(row, "failed") ? say_failed(c, row) : show_sent(l, c, row, token);
    json_decref(row);
    json_decref(result);
    return exit;
}

/* ---- getting ---- */

/* One part from the agent. False with *exit EXIT_OK: it could not be written. */
static bool copy_part(struct agent_line *l, const struct cli_call *c, const char *id, uint32_t part,
                      struct file_target *t, int *exit)
{
    struct buffer bytes;
    json_t *params = json_pack("{s:s, s:I}", "id", id, "part", (json_int_t)part);
    json_t *result = ask_agent(l, c, "files.part", params, exit);
    const char *coded = text(result, "bytes");
    buffer_init(&bytes, FILE_PART_LEN);
    bool good = result != NULL && base64url_decode(&bytes, coded, strlen(coded)) == ST_OK;
    errno = 0;
    good = good && file_target_write(t, buffer_span(&bytes));
    buffer_wipe(&bytes);
    json_decref(params);
    json_decref(result);
    return good;
}

static int say_unwritten(const struct cli_call *c)
{
    if (errno == EEXIST)
        return refuse(c, ST_FILE_THERE, NULL, NULL);
    bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    return refuse(c, full ? ST_FILE_NO_ROOM : ST_FILE_TARGET, NULL, NULL);
}

static int write_file(struct agent_line *l, const struct cli_call *c, const json_t *file)
{
    struct file_target t;
    int exit = EXIT_OK;
    json_int_t parts = json_integer_value(json_object_get(file, "parts"));
    bool good = file_target_open(&t, c->to, text(file, "name"));
    for (json_int_t i = 0; good && i < parts; i++)
        good = copy_part(l, c, text(file, "token"), (uint32_t)i, &t, &exit);
    good = good && file_target_name(&t);
    file_target_close(&t);
    if (!good && exit == EXIT_OK)
        exit = say_unwritten(c);
    if (exit == EXIT_OK)
        render_file_got(c->json, file, t.name);
    return exit;
}

int dialog_get(struct agent_line *l, const struct cli_call *c)
{
    int exit = EXIT_OK;
    json_t *result = ask_agent(l, c, "get", c->params, &exit);
    if (result == NULL)
        return exit;
    json_t *row = wait_while(l, c, text(result, "id"), "fetching", false, &exit);
    if (row != NULL && exit == EXIT_OK) {
        if (!c->json || c->to == NULL) /* one answer is one line */
            show(c, row, true);
        if (!is(row, "here") && !is(row, "sent") && !is(row, "sending"))
            exit = say_failed(c, row);
        else if (c->to != NULL)
            exit = write_file(l, c, row);
    }
    json_decref(row);
    json_decref(result);
    return exit;
}
