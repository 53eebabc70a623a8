/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith-relay/relay_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    /* relay key, the delegate's seed, not_before, not_after, signature */
    DELEGATE_LEN = SIGN_PUBLIC_LEN + SIGN_SEED_LEN + 8 + 8 + SIGNATURE_LEN,
    TEXT_MAX = 2 * DELEGATE_LEN + 1 /* with the line's end */
};

static enum status fail(int why)
{
    errno = why;
    return ST_RELAY_DATA;
}

enum status relay_data_dir(const char *dir)
{
    struct stat info;
    if (mkdir(dir, 0700) == 0) {
        return ST_OK;
    }
    if (errno != EEXIST) {
        return ST_RELAY_DATA;
    }
    return stat(dir, &info) == 0 && S_ISDIR(info.st_mode) ? ST_OK : fail(ENOTDIR);
}

/* The `len` bytes that the file is the hex of. */
static enum status read_hex(int fd, uint8_t *out, size_t len)
{
    char text[TEXT_MAX + 1];
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return ST_RELAY_DATA;
    }
    if ((info.st_mode & 077) != 0) {
        return fail(EPERM);
    }
    ssize_t got = read(fd, text, sizeof(text));
    if (got < 0) {
        return ST_RELAY_DATA;
    }
    bool good =
        (size_t)got == 2 * len + 1 && text[2 * len] == '\n' && hex_decode(out, len, text, 2 * len) == ST_OK;
    bytes_wipe(text, sizeof(text));
    return good ? ST_OK : fail(EINVAL);
}

/* Under another name first, so that a crash leaves no half a key. */
static enum status write_hex(const char *dir, const char *path, struct span bytes)
{
    char text[TEXT_MAX + 1], fresh[RELAY_PATH_MAX + 8];
    size_t len = 2 * bytes.len + 1;
    (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
    hex_encode(text, bytes);
    text[len - 1] = '\n';
    (void)unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    good = fd >= 0 && close(fd) == 0 && good && rename(fresh, path) == 0;
    int folder = good && dir != NULL ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (folder >= 0) {
        good = fsync(folder) == 0;
        (void)close(folder);
    }
    bytes_wipe(text, sizeof(text));
    return good ? ST_OK : ST_RELAY_DATA;
}

enum status relay_secret_file(const char *dir, const char *name, struct entropy *e, struct secret *out)
{
    char path[RELAY_PATH_MAX];
    *out = (struct secret){{0}};
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path)) {
        return fail(ENAMETOOLONG);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        enum status st = read_hex(fd, out->b, sizeof(out->b));
        int why = errno;
        (void)close(fd);
        errno = why;
        return st;
    }
    if (errno != ENOENT) {
        return ST_RELAY_DATA;
    }
    struct secret made;
    entropy_fill(e, made.b, sizeof(made.b));
    enum status st = write_hex(dir, path, SPAN(made.b));
    if (st == ST_OK) {
        *out = made;
    }
    secret_wipe(&made);
    return st;
}

/* ---- delegates ---- */

enum status relay_delegate_make(const char *path, const struct sign_private *relay,
                                const struct sign_public *public, int64_t wall_ms, int64_t days)
{
    uint8_t seed[SIGN_SEED_LEN], bytes[DELEGATE_LEN];
    struct relay_delegate d = {.not_before_ms = wall_ms, .not_after_ms = wall_ms + days * CHANNEL_DAY_MS};
    struct sign_private private;
    struct buffer b;
    struct writer w;
    if (access(path, F_OK) == 0) {
        return fail(EEXIST);
    }
    randombytes_buf(seed, sizeof(seed));
    sign_keypair_from_seed(seed, &private, &d.key);
    sign_private_wipe(&private);
    enum status st = channel_delegate_sign(&d, relay);
    buffer_init(&b, sizeof(bytes));
    writer_init(&w, &b);
    writer_bytes(&w, SPAN_ID(public));
    writer_bytes(&w, SPAN(seed));
    writer_time(&w, d.not_before_ms);
    writer_time(&w, d.not_after_ms);
    writer_bytes(&w, SPAN(d.signature));
    st = st == ST_OK ? writer_done(&w) : st;
    st = st == ST_OK ? write_hex(NULL, path, buffer_span(&b)) : st;
    buffer_wipe(&b);
    bytes_wipe(seed, sizeof(seed));
    return st;
}

static enum status delegate_of(struct channel_signer *s, struct span bytes)
{
    uint8_t seed[SIGN_SEED_LEN];
    struct reader r;
    reader_init(&r, bytes);
    reader_fixed(&r, s->relay.b, sizeof(s->relay.b));
    reader_fixed(&r, seed, sizeof(seed));
    s->delegate.not_before_ms = reader_time(&r);
    s->delegate.not_after_ms = reader_time(&r);
    reader_fixed(&r, s->delegate.signature, sizeof(s->delegate.signature));
    s->has_delegate = true;
    sign_keypair_from_seed(seed, &s->private, &s->delegate.key);
    bytes_wipe(seed, sizeof(seed));
    enum status st = reader_done(&r);
    return st == ST_OK ? channel_delegate_verify(&s->delegate, &s->relay) : st;
}

enum status relay_delegate_load(const char *path, int64_t wall_ms, struct channel_signer *out)
{
    uint8_t bytes[DELEGATE_LEN];
    struct channel_signer s = {0};
    *out = s;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return ST_RELAY_DATA;
    }
    enum status st = read_hex(fd, bytes, sizeof(bytes));
    int why = errno;
    (void)close(fd);
    errno = why;
    if (st == ST_OK && delegate_of(&s, SPAN(bytes)) != ST_OK) {
        st = fail(EINVAL);
    }
    if (st == ST_OK && wall_ms >= s.delegate.not_after_ms) {
        st = ST_CHANNEL_KEY_EXPIRED;
    }
    if (st == ST_OK) {
        *out = s;
    }
    bytes_wipe(bytes, sizeof(bytes));
    bytes_wipe(&s, sizeof(s));
    return st;
}
