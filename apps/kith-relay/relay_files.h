/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's files: its long-term key, for a private relay its access secret, and where the long-term key
 * stays elsewhere a delegate of it; each one line of hex, mode 0600. */
#ifndef KITH_RELAY_FILES_H
#define KITH_RELAY_FILES_H

#include "protocol/channel.h"
#include "protocol/entropy.h"

enum relay_files_limits { RELAY_PATH_MAX = 4096 };

/* Makes the directory (0700) when it is not there. ST_RELAY_DATA: cannot; errno says why. */
enum status relay_data_dir(const char *dir) MUST_USE;
/* The 32 bytes of DIR/NAME, made from `e` when the file is not there. ST_RELAY_DATA: cannot be read or made
 * (errno), or others may read it (errno EPERM), or it is not such a file (errno EINVAL). */
enum status relay_secret_file(const char *dir, const char *name, struct entropy *e,
                              struct secret *out) MUST_USE;

/* Makes a delegate that signs for the relay for `days` from wall_ms on, and writes it to the file, which must
 * not be there. ST_RELAY_DATA (errno). */
enum status relay_delegate_make(const char *path, const struct sign_private *relay,
                                const struct sign_public *public, int64_t wall_ms, int64_t days) MUST_USE;
/* The signer that such a file holds. ST_RELAY_DATA (errno, EINVAL also when it is not signed by the relay it
 * names), ST_CHANNEL_KEY_EXPIRED: its days are over. */
enum status relay_delegate_load(const char *path, int64_t wall_ms, struct channel_signer *out) MUST_USE;

#endif
