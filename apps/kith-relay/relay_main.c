/* SPDX-License-Identifier: Apache-2.0 */
/* kith-relay: puts store, front and server together, and takes them apart in the right order. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/kith-relay/relay_files.h"
#include "apps/kith-relay/relay_options.h"
#include "apps/kith-relay/relay_server.h"
#include "apps/kith-relay/store/store_sqlite.h"

static void system_fill(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    randombytes_buf(out, len);
}

static struct entropy system_entropy = {NULL, system_fill};

struct relay {
    struct relay_options options;
    struct channel_signer signer;
    struct secret access;
    struct relay_store store;
    struct relay_front *front;
    struct relay_pipes *pipes;
    struct relay_server *server;
    uint16_t port;
};

/* ---- what people read ---- */

static int say(const char *what, const char *why, const char *next)
{
    (void)fprintf(stderr, "kith-relay: %s: %s. %s\n", what, why, next);
    return EXIT_FAILURE;
}

static int say_secret(const char *name, enum status st)
{
    if (st != ST_RELAY_DATA) {
        return say(name, status_text(st), "");
    }
    const char *next = errno == EPERM ? "Others may read it: take it as known, or chmod 600 it."
                       : errno == EINVAL
                           ? "It is not a key file of a relay: put it elsewhere, or choose another --data."
                           : "Choose a --data that this user can write.";
    return say(name, errno == EPERM ? "its mode is not 0600" : strerror(errno), next);
}

static int say_store(enum status st)
{
    if (st == ST_STORE_BUSY) {
        return say("relay.db", "another relay uses this --data", "Stop that one, or choose another --data.");
    }
    if (st == ST_STORE_NEWER) {
        return say("relay.db", "a newer kith-relay wrote it", "Install that version again; it is untouched.");
    }
    if (st == ST_STORE_FOREIGN) {
        return say("relay.db", "it is not a relay's store", "Choose another --data; it is untouched.");
    }
    return say("relay.db", status_text(st), "Look at the disk and the rights of --data.");
}

static void say_counts(const struct relay *r)
{
    struct relay_counts core = relay_front_core_counts(r->front);
    struct relay_front_counts front = relay_front_counts(r->front);
    (void)fprintf(stderr,
                  "kith-relay: %llu commands, %llu blocks stored, %llu read, %llu refused, %llu malformed, "
                  "%llu replayed, %llu sessions\n",
                  (unsigned long long)core.commands, (unsigned long long)core.appended,
                  (unsigned long long)core.read, (unsigned long long)core.refused,
                  (unsigned long long)front.malformed, (unsigned long long)front.replayed,
                  (unsigned long long)front.sessions_begun);
}

/* ---- up ---- */

static int load_key(struct relay *r)
{
    struct secret seed;
    enum status st = relay_secret_file(r->options.data, "relay.key", &system_entropy, &seed);
    if (st != ST_OK) {
        return say_secret("relay.key", st);
    }
    sign_keypair_from_seed(seed.b, &r->signer.private, &r->signer.relay);
    secret_wipe(&seed);
    return EXIT_SUCCESS;
}

static int load_delegate(struct relay *r)
{
    enum status st = relay_delegate_load(r->options.delegate, relay_now().wall_ms, &r->signer);
    if (st == ST_CHANNEL_KEY_EXPIRED) {
        return say(r->options.delegate, "its days are over", "Make another with --make-delegate.");
    }
    return st == ST_OK ? EXIT_SUCCESS : say_secret(r->options.delegate, st);
}

static int load_secrets(struct relay *r)
{
    enum status st = relay_data_dir(r->options.data);
    if (st != ST_OK) {
        return say(r->options.data, strerror(errno), "Choose a --data that this user can write.");
    }
    int rc = r->options.delegate != NULL ? load_delegate(r) : load_key(r);
    if (rc == EXIT_SUCCESS && r->options.private_relay) {
        st = relay_secret_file(r->options.data, "relay.access", &system_entropy, &r->access);
        rc = st == ST_OK ? EXIT_SUCCESS : say_secret("relay.access", st);
    }
    return rc;
}

static int make_delegate(struct relay *r)
{
    enum status st = relay_delegate_make(r->options.make_delegate, &r->signer.private, &r->signer.relay,
                                         relay_now().wall_ms, r->options.delegate_days);
    if (st != ST_OK) {
        return say(r->options.make_delegate, st == ST_RELAY_DATA ? strerror(errno) : status_text(st),
                   "Name a file that is not there yet.");
    }
    return EXIT_SUCCESS;
}

static int open_store(struct relay *r)
{
    char path[RELAY_PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/relay.db", r->options.data) >= sizeof(path)) {
        return say("--data", "the path is too long", "Choose a shorter one.");
    }
    enum status st = store_sqlite_open(&r->store, path, &system_entropy);
    if (st != ST_OK) {
        return say_store(st);
    }
    const struct relay_front_args args = {.store = &r->store,
                                          .limits = &r->options.limits,
                                          .signer = &r->signer,
                                          .access = r->options.private_relay ? SPAN(r->access.b) : SPAN_EMPTY,
                                          .entropy = &system_entropy,
                                          .now = relay_now()};
    st = relay_front_new(&r->front, &args);
    return st == ST_OK ? EXIT_SUCCESS : say("start", status_text(st), "");
}

/* A descriptor a connection, and some for the store: raise the soft limit as far as it goes. */
static void raise_descriptors(uint32_t connections_max)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < connections_max + 64) {
        limit.rlim_cur = limit.rlim_max < connections_max + 64 ? limit.rlim_max : connections_max + 64;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_server(struct relay *r)
{
    const char *why;
    raise_descriptors(r->options.connections_max);
    enum status st = relay_pipes_new(&r->pipes, r->options.connections_max, r->options.source_connections_max,
                                     &system_entropy);
    if (st != ST_OK) {
        return say("start", status_text(st), "");
    }
    const struct relay_server_args args = {.url = r->options.listen_url,
                                           .front = r->front,
                                           .pipes = r->pipes,
                                           .memory_max = r->options.memory_max};
    st = relay_server_open(&r->server, &args, &r->port, &why);
    return st == ST_OK
               ? EXIT_SUCCESS
               : say(r->options.listen_url, why, "Is the port free, and the host one of this machine?");
}

/* The first line of output: what devices are given. */
static int tell_address(struct relay *r)
{
    struct relay_address address = {.key = r->signer.relay, .has_access = r->options.private_relay};
    char text[RELAY_ADDRESS_MAX + 1];
    memcpy(address.access, r->access.b, sizeof(address.access));
    if (r->options.host[0] != '\0') {
        memcpy(address.host, r->options.host, sizeof(address.host));
    } else if (gethostname(address.host, sizeof(address.host) - 1) != 0) {
        (void)snprintf(address.host, sizeof(address.host), "localhost");
    }
    address.port = r->options.public_port != 0 ? r->options.public_port : r->port;
    enum status st = relay_address_format(&address, text);
    if (st == ST_OK) {
        (void)printf("%s\n", text);
        (void)fflush(stdout);
    }
    bytes_wipe(&address, sizeof(address));
    bytes_wipe(text, sizeof(text));
    return st == ST_OK ? EXIT_SUCCESS : say("address", status_text(st), "Give the host with --public.");
}

/* ---- running ---- */

/* All other threads have these signals blocked. */
static void *wait_for_signal(void *arg)
{
    struct relay *r = arg;
    sigset_t set;
    int which;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigwait(&set, &which);
    relay_server_stop(r->server);
    return NULL;
}

static int run(struct relay *r)
{
    pthread_t signals;
    if (pthread_create(&signals, NULL, wait_for_signal, r) != 0) {
        return say("start", "no thread", "Raise this user's limit of processes.");
    }
    relay_server_run(r->server);
    (void)pthread_join(signals, NULL); /* it asked for the stop */
    say_counts(r);
    return EXIT_SUCCESS;
}

static void block_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* before nng makes its threads */
}

/* Serving has ended; first what was asked is safe, then nng. */
static void take_down(struct relay *r)
{
    relay_front_free(r->front);
    if (r->store.ops != NULL) {
        r->store.ops->close(r->store.s);
    }
    relay_server_close(r->server);
    relay_pipes_free(r->pipes);
    bytes_wipe(&r->signer, sizeof(r->signer));
    secret_wipe(&r->access);
}

enum { EXIT_NOT_UNDERSTOOD = 2 };

int main(int argc, char **argv)
{
    static struct relay relay;
    enum relay_options_result options = relay_options_read(&relay.options, argc, argv);
    if (options != OPTIONS_RUN) {
        return options == OPTIONS_SHOWN ? EXIT_SUCCESS : EXIT_NOT_UNDERSTOOD;
    }
    if (suite_start() != ST_OK) {
        return say("start", "libsodium cannot be used", "");
    }
    (void)umask(077);         /* all that it writes is its own */
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk to us */
    block_signals();
    int rc = load_secrets(&relay);
    if (rc == EXIT_SUCCESS && relay.options.make_delegate != NULL) {
        rc = make_delegate(&relay);
        bytes_wipe(&relay, sizeof(relay));
        return rc;
    }
    rc = rc == EXIT_SUCCESS ? open_store(&relay) : rc;
    rc = rc == EXIT_SUCCESS ? open_server(&relay) : rc;
    rc = rc == EXIT_SUCCESS ? tell_address(&relay) : rc;
    rc = rc == EXIT_SUCCESS ? run(&relay) : rc;
    take_down(&relay);
    return rc;
}
