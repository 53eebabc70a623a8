/* SPDX-License-Identifier: Apache-2.0 */
/* kithd: the agent of one device. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "apps/kithd/agent.h"
#include "apps/local/say.h"
#include "protocol/relay_address.h"
#include "protocol/suite.h"

static const char usage[] =
    "kithd --home DIR [--relay ADDRESS | --with-relay URL]\n"
    "\n"
    "Runs one device of a family until it gets SIGTERM or SIGINT.\n"
    "\n"
    "  --home DIR         the device's folder (default: $KITH_HOME, or ~/.local/share/kith)\n"
    "  --relay ADDRESS    kith-relay://… that `kith init` founds a family at\n"
    "  --with-relay URL   runs a relay too, which listens there: tcp://0.0.0.0:7447\n"
    "\n"
    "Then, in another terminal: kith --home DIR help\n";

struct options {
    const char *home, *relay, *with_relay;
};

static int complain(enum status s, const char *about)
{
    struct say say = say_of(s);
    fprintf(stderr, "kithd: %s%s%s. %s. (%s)\n", say.what, about[0] != '\0' ? ": " : "", about, say.next,
            status_name(s));
    return 1;
}

static int run(const struct options *o)
{
    struct agent_address address;
    struct agent *agent = NULL;
    enum status s = suite_start();
    if (s == ST_OK)
        s = agent_address_find(&address, o->home, 1);
    if (s != ST_OK)
        return complain(s, o->home != NULL ? o->home : "");
    const struct agent_args args = {.address = &address, .relay = o->relay, .with_relay = o->with_relay};
    s = agent_new(&agent, &args);
    if (s != ST_OK)
        return complain(s, s == ST_APP_RELAY_START && o->with_relay ? o->with_relay : address.home);
    printf("kithd: ready. home %s, socket %s\n", address.home, address.socket);
    if (agent_relay(agent)[0] != '\0')
        printf("kithd: relay %s\n", agent_relay(agent));
    fflush(stdout);
    s = agent_run(agent);
    int exit_status = s == ST_OK ? 0 : complain(s, address.home);
    agent_free(agent, exit_status);
    return exit_status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"home", required_argument, NULL, 'h'},       {"relay", required_argument, NULL, 'r'},
        {"with-relay", required_argument, NULL, 'w'}, {"help", no_argument, NULL, 'H'},
        {"version", no_argument, NULL, 'V'},          {NULL, 0, NULL, 0}};
    struct options o = {NULL, NULL, NULL};
    struct relay_address relay;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h')
            o.home = optarg;
        else if (c == 'r')
            o.relay = optarg;
        else if (c == 'w')
            o.with_relay = optarg;
        else {
            fputs(c == 'H' ? usage : c == 'V' ? "kithd 0.1.0\n" : usage, c == '?' ? stderr : stdout);
            return c == '?' ? 2 : 0;
        }
    }
    if (optind < argc || (o.relay != NULL && o.with_relay != NULL)) {
        fprintf(stderr, "kithd: %s%s\n\n%s",
                optind < argc ? "not understood: " : "--relay and --with-relay: one of them",
                optind < argc ? argv[optind] : "", usage);
        return 2;
    }
    /* A limit on file sizes is a full disk to us: an error of the write, not the end of the process. */
    signal(SIGXFSZ, SIG_IGN);
    if (o.relay != NULL && relay_address_parse(&relay, o.relay) != ST_OK)
        return complain(ST_RELAY_ADDRESS, o.relay);
    return run(&o);
}
