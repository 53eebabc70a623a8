/* SPDX-License-Identifier: Apache-2.0 */
/* kith: the command line, a client of the agent. Exit status: 0 done, 1 refused or failed, 2 not understood,
 * 3 no agent to ask. */
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/kith/cli.h"
#include "apps/kith/dialog.h"
#include "apps/kith/file_dialog.h"
#include "apps/kith/render.h"
#include "apps/local/say.h"
#include "protocol/suite.h"

static int complain(const struct cli_call *c, enum status s)
{
    struct say say = say_of(s);
    if (c->json)
        printf("{\"error\":{\"code\":%d,\"message\":\"%s\",\"data\":{\"status\":\"%s\",\"say\":\"%s\","
               "\"next\":\"%s\"}}}\n",
               -32000 - (int)status_class(s), say.what, status_name(s), say.what, say.next);
    else
        fprintf(stderr, "kith: %s. %s. (%s)\n", say.what, say.next, status_name(s));
    return EXIT_NO_AGENT;
}

/* A supervised device always says so. */
static void say_supervised(struct agent_line *l)
{
    json_t *reply = NULL;
    if (agent_call(l, "status", NULL, CALL_WAIT_MS, &reply) == ST_OK) {
        const json_t *status = json_object_get(reply, "result");
        if (json_is_true(json_object_get(status, "supervised")))
            printf("(This device is supervised: parents decide whom you meet, and see: %s.)\n",
                   json_string_value(json_object_get(status, "oversight")));
    }
    json_decref(reply);
}

static int ask_once(struct agent_line *l, const struct cli_call *c)
{
    int exit = EXIT_OK;
    json_t *result = ask_agent(l, c, command_def(c->row->kind)->name, c->params, &exit);
    if (result != NULL && c->row->kind == CMD_PAIR_ACCEPT && (c->yes || !c->json)) {
        json_decref(result);
        return dialog_pair(l, c);
    }
    if (result != NULL && c->json) {
        char *text = json_dumps(result, JSON_COMPACT);
        puts(text != NULL ? text : "{}");
        free(text);
    } else if (result != NULL) {
        render(c->row->kind, c->params, result);
    }
    json_decref(result);
    return exit;
}

static int run(const struct cli_call *c)
{
    struct agent_address address;
    struct agent_line *line = NULL;
    int exit;
    enum status s = suite_start();
    if (s == ST_OK)
        s = agent_address_find(&address, c->home, 0);
    if (s == ST_OK)
        s = agent_line_open(&line, &address);
    if (s != ST_OK)
        return complain(c, s);
    if (c->follow && c->row->kind == CMD_DEVICES)
        exit = dialog_progress(line, c);
    else if (c->row->kind == CMD_SEND_FILE)
        exit = dialog_send_file(line, c);
    else if (c->row->kind == CMD_GET)
        exit = dialog_get(line, c);
    else
        exit = c->follow ? dialog_follow(line, c) : ask_once(line, c);
    if (!c->json && exit == EXIT_OK) /* a refusal is one line */
        say_supervised(line);
    agent_line_close(line);
    return exit;
}

static void complain_usage(const struct cli_call *c, const char *error)
{
    if (!c->json) {
        fprintf(stderr, "kith: %s. See: kith help\n", error);
        return;
    }
    json_t *o =
        json_pack("{s:{s:i, s:s, s:{s:s, s:s, s:s}}}", "error", "code", -32000 - (int)CLASS_USAGE, "message",
                  error, "data", "status", status_name(ST_USAGE), "say", error, "next", "See: kith help");
    print_json(o);
    json_decref(o);
}

/* What was done stays done: but nobody may take a lost answer for an empty one. */
static bool said_all(void)
{
    bool good = fflush(stdout) == 0 && ferror(stdout) == 0;
    if (!good)
        fputs("kith: The answer could not be written here. Look at the disk or pipe that it goes to, then ask"
              " again.\n",
              stderr);
    return good;
}

int main(int argc, char **argv)
{
    struct cli_call call;
    char error[256];
    int exit = EXIT_OK;
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk to us */
    setlocale(LC_ALL, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) /* names are UTF-8, whatever the terminal was told */
        setlocale(LC_CTYPE, "C.UTF-8");
    bool ok = cli_read(&call, argc, argv, error);
    if (!ok) {
        complain_usage(&call, error);
        exit = EXIT_USAGE;
    } else if (call.version) {
        puts("kith 0.1.0");
    } else if (call.help || call.row == NULL) {
        cli_print_help(call.row);
        exit = call.help ? EXIT_OK : EXIT_USAGE;
    } else {
        exit = run(&call);
    }
    cli_free(&call);
    return said_all() || exit != EXIT_OK ? exit : EXIT_REFUSED;
}
