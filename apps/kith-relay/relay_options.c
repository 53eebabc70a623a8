/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith-relay/relay_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_id {
    O_LISTEN = 1,
    O_DATA,
    O_PUBLIC,
    O_PRIVATE,
    O_DELEGATE,
    O_MAKE_DELEGATE,
    O_DELEGATE_DAYS,
    O_RETENTION,
    O_LOG_BLOCKS,
    O_STORE,
    O_SOURCE_BYTES,
    O_SOURCE_LOGS,
    O_CONNECTIONS,
    O_SOURCE_CONNECTIONS,
    O_MEMORY,
    O_HELP,
    O_VERSION
};

static const struct option options[] = {
    {"listen", required_argument, NULL, O_LISTEN},
    {"data", required_argument, NULL, O_DATA},
    {"public", required_argument, NULL, O_PUBLIC},
    {"private", no_argument, NULL, O_PRIVATE},
    {"delegate", required_argument, NULL, O_DELEGATE},
    {"make-delegate", required_argument, NULL, O_MAKE_DELEGATE},
    {"delegate-days", required_argument, NULL, O_DELEGATE_DAYS},
    {"retention-days", required_argument, NULL, O_RETENTION},
    {"log-blocks", required_argument, NULL, O_LOG_BLOCKS},
    {"store-mib", required_argument, NULL, O_STORE},
    {"source-mib-day", required_argument, NULL, O_SOURCE_BYTES},
    {"source-logs-day", required_argument, NULL, O_SOURCE_LOGS},
    {"connections", required_argument, NULL, O_CONNECTIONS},
    {"source-connections", required_argument, NULL, O_SOURCE_CONNECTIONS},
    {"memory-mib", required_argument, NULL, O_MEMORY},
    {"help", no_argument, NULL, O_HELP},
    {"version", no_argument, NULL, O_VERSION},
    {0},
};

static const char help[] =
    "Usage: kith-relay --listen tcp://HOST:PORT --data DIR [OPTIONS]\n"
    "Store and forward for Kith: keeps sealed blocks for families and cannot read them.\n"
    "Its first line of output is its address, which devices are given.\n\n"
    "  --listen tcp://HOST:PORT   where to listen; PORT 0 takes any free one\n"
    "  --data DIR                 its key and its store; made when not there\n"
    "  --public HOST[:PORT]       what the address says, where that differs (NAT, 0.0.0.0)\n"
    "  --private                  only for who has the address: it then holds an access secret\n"
    "  --make-delegate FILE       on the machine with the long-term key: make a key that signs for it, and "
    "end\n"
    "  --delegate-days N          for so many days (90)\n"
    "  --delegate FILE            on the server: use that one; --data then needs no long-term key\n"
    "  --retention-days N         blocks go after N days (45)\n"
    "  --log-blocks N             blocks of 16 KiB that one log may have (131072)\n"
    "  --store-mib N              what the store may hold in all (65536)\n"
    "  --source-mib-day N         what one network address may send a day (65536)\n"
    "  --source-logs-day N        logs that one network address may begin a day (200000)\n"
    "  --connections N            open at once (8192)\n"
    "  --source-connections N     of those, from one network address (512)\n"
    "  --memory-mib N             above this, no reads and no new connections (1024)\n"
    "  --help, --version\n";

static enum relay_options_result wrong(const char *what, const char *value)
{
    (void)fprintf(stderr, "kith-relay: %s%s%s. Try: kith-relay --help\n", what, value[0] != '\0' ? ": " : "",
                  value);
    return OPTIONS_WRONG;
}

static bool number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    unsigned long long v = strtoull(text, &end, 10);
    *out = v;
    return *end == '\0' && v >= min && v <= max;
}

/* "host:port" or "[v6]:port" or, without a port, "host". An empty host is fine. */
static bool split(const char *text, char host[static RELAY_HOST_MAX + 1], uint64_t *port, bool *has_port)
{
    bool v6 = text[0] == '[';
    size_t len = v6 ? strcspn(text + 1, "]") : strcspn(text, ":");
    const char *from = v6 ? text + 1 : text;
    const char *rest = from + len;
    if (len > RELAY_HOST_MAX || (v6 && *rest++ != ']')) {
        return false;
    }
    memcpy(host, from, len);
    host[len] = '\0';
    *port = 0;
    *has_port = *rest == ':';
    return *rest == '\0' || (*has_port && number(rest + 1, 0, UINT16_MAX, port));
}

static bool set_listen(struct relay_options *o, const char *text)
{
    char host[RELAY_HOST_MAX + 1];
    uint64_t port;
    bool has_port;
    if (strncmp(text, "tcp://", 6) != 0 || strlen(text) >= sizeof(o->listen_url) ||
        !split(text + 6, host, &port, &has_port) || !has_port) {
        return false;
    }
    (void)snprintf(o->listen_url, sizeof(o->listen_url), "%s", text);
    bool any =
        host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "*") == 0 || strcmp(host, "::") == 0;
    if (o->host[0] == '\0' && !any) {
        (void)snprintf(o->host, sizeof(o->host), "%s", host);
    }
    return true;
}

static bool set_public(struct relay_options *o, const char *text)
{
    uint64_t port;
    bool has_port;
    if (!split(text, o->host, &port, &has_port) || o->host[0] == '\0') {
        return false;
    }
    o->public_port = (uint16_t)port;
    return true;
}

static bool set_number(struct relay_options *o, int id, const char *text)
{
    uint64_t n = 0;
    bool good = number(text, 1, UINT64_C(1) << 30, &n);
    uint32_t small = good ? (uint32_t)n : 0;
    switch (id) {
    case O_DELEGATE_DAYS:
        o->delegate_days = small;
        return good && n <= 3650;
    case O_RETENTION:
        o->limits.retention_ms = (int64_t)small * 24 * 60 * 60 * 1000;
        return good && n <= 3650;
    case O_LOG_BLOCKS:
        o->limits.log_blocks_max = small;
        return good;
    case O_STORE:
        o->limits.store_blocks_max = n * (1024 * 1024 / BLOCK_LEN);
        return good;
    case O_SOURCE_BYTES:
        o->limits.source_bytes_day = n << 20;
        return good;
    case O_SOURCE_LOGS:
        o->limits.source_logs_day = small;
        return good;
    case O_CONNECTIONS:
        o->connections_max = small;
        return good && n <= 1000000;
    case O_SOURCE_CONNECTIONS:
        o->source_connections_max = small;
        return good;
    case O_MEMORY:
        o->memory_max = n << 20;
        return good;
    default:
        return false;
    }
}

static bool set(struct relay_options *o, int id, const char *text)
{
    switch (id) {
    case O_LISTEN:
        return set_listen(o, text);
    case O_PUBLIC:
        return set_public(o, text);
    case O_DATA:
        o->data = text;
        return text[0] != '\0';
    case O_PRIVATE:
        o->private_relay = true;
        return true;
    case O_DELEGATE:
        o->delegate = text;
        return text[0] != '\0';
    case O_MAKE_DELEGATE:
        o->make_delegate = text;
        return text[0] != '\0';
    default:
        return set_number(o, id, text);
    }
}

enum relay_options_result relay_options_read(struct relay_options *out, int argc, char **argv)
{
    *out = (struct relay_options){.limits = relay_limits_default,
                                  .connections_max = 8192,
                                  .delegate_days = 90,
                                  .source_connections_max = 512,
                                  .memory_max = UINT64_C(1024) << 20};
    int id, at = 0;
    while ((id = getopt_long(argc, argv, "", options, &at)) != -1) {
        if (id == O_HELP || id == O_VERSION) {
            (void)fputs(id == O_HELP ? help : "kith-relay " KITH_VERSION "\n", stdout);
            return OPTIONS_SHOWN;
        }
        if (id == '?') {
            return OPTIONS_WRONG; /* getopt said why */
        }
        if (!set(out, id, optarg != NULL ? optarg : "")) {
            (void)fprintf(stderr, "kith-relay: --%s does not take this: %s. Try: kith-relay --help\n",
                          options[at].name, optarg);
            return OPTIONS_WRONG;
        }
    }
    if (optind < argc) {
        return wrong("not an option", argv[optind]);
    }
    if (out->make_delegate != NULL && out->data != NULL) {
        return OPTIONS_RUN;
    }
    if (out->listen_url[0] == '\0' || out->data == NULL) {
        return wrong("--listen and --data are both wanted", "");
    }
    return OPTIONS_RUN;
}
