/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/local/agent_address.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "protocol/bytes.h"
#include "protocol/suite.h"

enum { NAME_LEN = 8 }; /* bytes of the home's hash in the socket's name: enough that two homes differ */

static enum status default_home(char out[static AGENT_HOME_MAX + 1])
{
    const char *own = getenv("KITH_HOME"), *data = getenv("XDG_DATA_HOME"), *user = getenv("HOME");
    int n;
    if (own != NULL && own[0] != '\0')
        n = snprintf(out, AGENT_HOME_MAX + 1, "%s", own);
    else if (data != NULL && data[0] == '/')
        n = snprintf(out, AGENT_HOME_MAX + 1, "%s/kith", data);
    else if (user != NULL && user[0] == '/')
        n = snprintf(out, AGENT_HOME_MAX + 1, "%s/.local/share/kith", user);
    else
        return ST_APP_HOME;
    return n > 0 && n <= AGENT_HOME_MAX ? ST_OK : ST_APP_HOME;
}

/* mkdir -p with mode 0700; what is there already stays as it is. */
static enum status make_folder(const char *path)
{
    char part[AGENT_HOME_MAX + 1];
    size_t len = strlen(path);
    if (len == 0 || len > AGENT_HOME_MAX)
        return ST_APP_HOME;
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return ST_APP_HOME;
        part[i] = i < len ? '/' : '\0';
    }
    return ST_OK;
}

static enum status real_folder(char out[static AGENT_HOME_MAX + 1], const char *path)
{
    struct stat st;
    char *real = realpath(path, NULL);
    if (real == NULL)
        return ST_APP_HOME;
    size_t len = strlen(real);
    enum status s =
        len <= AGENT_HOME_MAX && stat(real, &st) == 0 && S_ISDIR(st.st_mode) ? ST_OK : ST_APP_HOME;
    if (s == ST_OK)
        memcpy(out, real, len + 1);
    free(real);
    return s;
}

static enum status name_socket(struct agent_address *a)
{
    uint8_t hash[HASH_LEN];
    char name[2 * NAME_LEN + 1];
    hash_bytes(span_text(a->home), hash);
    hex_encode(name, SPAN_OF(hash, NAME_LEN));
    int n = snprintf(a->socket, sizeof(a->socket), "%s/%s.sock", a->folder, name);
    if (n < 0 || (size_t)n >= sizeof(a->socket))
        return ST_APP_SOCKET_PATH;
    n = snprintf(a->url, sizeof(a->url), "ipc://%s", a->socket);
    return n > 0 && (size_t)n < sizeof(a->url) ? ST_OK : ST_APP_SOCKET_PATH;
}

enum status agent_address_find(struct agent_address *out, const char *home, int make)
{
    struct agent_address a = {{0}, {0}, {0}, {0}};
    char wanted[AGENT_HOME_MAX + 1] = {0};
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    enum status s = ST_OK;
    memset(out, 0, sizeof(*out));
    if (home == NULL)
        s = default_home(wanted);
    else if (home[0] == '\0' || strlen(home) > AGENT_HOME_MAX)
        s = ST_APP_HOME;
    else
        memcpy(wanted, home, strlen(home) + 1);
    if (s == ST_OK && make)
        s = make_folder(wanted);
    if (s == ST_OK)
        s = real_folder(a.home, wanted);
    if (s != ST_OK)
        return s;
    int n = runtime != NULL && runtime[0] == '/' ? snprintf(a.folder, sizeof(a.folder), "%s/kith", runtime)
                                                 : snprintf(a.folder, sizeof(a.folder), "%s", a.home);
    if (n < 0 || (size_t)n >= sizeof(a.folder))
        return ST_APP_SOCKET_PATH;
    if (make)
        s = make_folder(a.folder);
    if (s == ST_OK)
        s = name_socket(&a);
    if (s == ST_OK)
        *out = a;
    return s;
}
