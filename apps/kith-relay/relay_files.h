/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's files: its long-term key and, for a private relay, its access secret; each one line of hex,
 * mode 0600, made at the first start. */
#ifndef KITH_RELAY_FILES_H
#define KITH_RELAY_FILES_H

#include "protocol/entropy.h"
#include "protocol/suite.h"

enum relay_files_limits { RELAY_PATH_MAX = 4096 };

/* Makes the directory (0700) when it is not there. ST_RELAY_DATA: cannot; errno says why. */
enum status relay_data_dir(const char *dir) MUST_USE;
/* The 32 bytes of DIR/NAME, made from `e` when the file is not there. ST_RELAY_DATA: cannot be read or made
 * (errno), or others may read it (errno EPERM), or it is not such a file (errno EINVAL). */
enum status relay_secret_file(const char *dir, const char *name, struct entropy *e,
                              struct secret *out) MUST_USE;

#endif
